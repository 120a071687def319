"""The Chinese pages have the chapters of the English tutorial, and their code but for comments and texts."""

import ast
import re

import pytest

from .pages import DOCS, blocks, name, pages
from .test_pages_run import code_of

CHINESE = DOCS / "zh"
CHAPTERS = sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "tutorial").glob("*.md"))
TRANSLATED = [*CHAPTERS, "guide/explain.md"]


class WithoutText(ast.NodeTransformer):
    """Blanks strings, but not those that name something: the keys of dictionaries and arrays."""

    def visit_Subscript(self, node):
        node.value = self.visit(node.value)
        return node

    def visit_Constant(self, node):
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):
        self.generic_visit(node)
        node.values = [part for part in node.values if not isinstance(part, ast.Constant)]
        return node


def code(page):
    """Return the trees of the cells of a page."""
    cells = [code_of(block) for block in blocks(page) if block.language == "{code-cell}"]
    return [ast.unparse(WithoutText().visit(ast.parse(cell))) for cell in cells]


def tags(page):
    """Return the tags of the cells: which of them are hidden, and how."""
    cells = [block.body for block in blocks(page) if block.language == "{code-cell}"]
    return [re.findall(r"^:tags: .*", body, re.M) for body in cells]


def skeleton(page):
    """Return what a chapter is built of: its headings, formulas, pictures, exercises and answers."""
    text = re.sub(r"^```\{code-cell\}.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    return re.findall(r"^(#+(?= )|```\{[a-z]+\}|\*\*\d+\.\*\*|<details>)", text, re.M)


def formulas(page):
    """Return the formulas that stand in their own lines."""
    return [block.body for block in blocks(page) if block.language == "{math}"]


def test_every_chapter_is_there_in_both():
    found = (path.relative_to(CHINESE).as_posix() for path in (CHINESE / "tutorial").glob("*.md"))
    assert sorted(found) == CHAPTERS


@pytest.mark.parametrize("page", TRANSLATED)
def test_both_have_the_same_code(page):
    assert code(CHINESE / page) == code(DOCS / page)
    assert tags(CHINESE / page) == tags(DOCS / page)


@pytest.mark.parametrize("page", TRANSLATED)
def test_both_have_the_same_parts_and_formulas(page):
    assert skeleton(CHINESE / page) == skeleton(DOCS / page)
    assert formulas(CHINESE / page) == formulas(DOCS / page)


@pytest.mark.parametrize("page", [page for page in pages() if page.is_relative_to(DOCS / "zh")], ids=name)
def test_a_link_from_a_chinese_page_to_an_english_one_says_so(page):
    text = page.read_text("utf-8")
    for link in re.finditer(r"\{doc\}`(?:[^`<]*<)?/(?!zh/)[^`]*`", text):
        assert text[link.end() : link.end() + 4].startswith("（英文）"), link[0]


@pytest.mark.parametrize("page", [page for page in pages() if page.is_relative_to(DOCS / "zh")], ids=name)
def test_chinese_lines_are_not_broken_within_a_paragraph(page):
    """A line end between two Chinese characters would show as a space."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    assert not re.findall(r"[\u4e00-\u9fff，。、：；）]\n[\u4e00-\u9fff（“]", text)


def test_code_that_differs_is_told_apart():
    def tree(source):
        return ast.unparse(WithoutText().visit(ast.parse(source)))

    assert tree("print(f'loss {x:.3f}')  # a") == tree("print(f'损失 {x:.4f}')")
    assert tree("a = h[t]") != tree("a = h[t - 1]")
    assert tree("a = grads['U']") != tree("a = grads['W']")
