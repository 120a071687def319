"""Links within the repository lead somewhere, and no page names a place on somebody's machine."""

import re

import pytest

from .pages import DOCS, ROOT, headings, links, name, pages

ALL = pytest.mark.parametrize("page", pages(), ids=name)


@ALL
def test_links_lead_somewhere(page):
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{name(page)} links to {link}, which does not exist"
        if anchor:
            assert anchor in headings(path), f"{name(page)} links to {link}, a heading that does not exist"


@ALL
def test_documents_that_are_referred_to_exist(page):
    for target in re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", page.read_text("utf-8")):
        folder = DOCS if target.startswith("/") else page.parent
        assert (folder / f"{target.lstrip('/')}.md").exists(), f"{name(page)} refers to {target}"


@ALL
def test_no_page_names_a_place_on_a_machine(page):
    found = re.findall(r"(?:^|[\s`\"'(])(/(?:home|tmp|root|Users|mnt)/\S*)", page.read_text("utf-8"))
    assert not found


def test_every_page_of_docs_is_in_a_table_of_contents():
    listed = set()
    for page in pages():
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            entries = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{entry}.md").resolve() for entry in entries}
    written = {page.resolve() for page in pages() if page.is_relative_to(DOCS)}
    assert written - listed == {(DOCS / "index.md").resolve()}


def test_the_pages_are_found():
    found = {name(page) for page in pages()}
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/index.md",
        "docs/guide/training.md",
    } <= found
    assert links(ROOT / "README.md")
