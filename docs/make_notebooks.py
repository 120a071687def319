"""Make the notebooks of the tutorial: ``python docs/make_notebooks.py`` writes examples/notebooks.

They are pages of both languages, with what only Sphinx understands put into plain Markdown, and without
outputs. A test says when this was forgotten after a change of a page. Standard library alone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
FOLDER = DOCS.parent / "examples" / "notebooks"
ENGLISH = ("02-forward", "05-through-time", "06-truncation")
CHAPTERS = (*ENGLISH, *(f"zh/{name}" for name in ENGLISH))

FIRST = (
    "*To run this notebook, install Jupyter, and `elman` with its plots: `pip install '.[plot]' notebook` in "
    "a clone of its repository. The `sentence` in the first code cell can be changed: put one of your own, "
    "of three words or more.*"
)
CHINESE_FIRST = (
    "*要运行这个笔记本，请在克隆下来的仓库里安装 Jupyter，以及 `elman` 和它的绘图部分："
    "`pip install '.[plot]' notebook`。第一个代码格里的 `sentence` 可以换成你自己的句子，"
    "至少三个词，词与词之间用空格隔开。*"
)
CELL = re.compile(r"^```\{code-cell\} python\n(?P<head>(?::[^\n]*\n)*)\n*(?P<code>.*?)\n```$", re.M | re.S)
MATH = re.compile(r"^```\{math\}\n(?P<tex>.*?)\n```$", re.M | re.S)
FIGURE = re.compile(
    r"^```\{figure\} (?P<path>\S+)\n:alt: (?P<alt>[^\n]*)\n\n(?P<caption>.*?)\n```$", re.M | re.S
)
ROLE = re.compile(r"\{(?P<role>\w+)\}`(?P<target>[^`]+)`")
TITLED = re.compile(r"(?P<title>[^<]+?) *<(?P<target>[^>]+)>")


def page_of(name: str) -> Path:
    """Return the page that a notebook is made from."""
    folder, _, chapter = name.rpartition("/")
    return DOCS / folder / "tutorial" / f"{chapter}.md"


def notebook(name: str) -> str:
    """Return the notebook of a page."""
    page = page_of(name)
    text = page.read_text("utf-8").split("\n---\n", 1)[1]
    text = "".join(part for part in re.split(r"(?<=\n)(?=\n)", text) if "{download}" not in part)
    cells: list[dict[str, Any]] = []
    place = 0
    for match in CELL.finditer(text):
        _add_text(cells, text[place : match.start()], page)
        place = match.end()
        if "remove-cell" not in match["head"]:
            hidden = "hide-" in match["head"]
            _add(cells, "code", match["code"], {"jupyter": {"source_hidden": True}} if hidden else {})
    _add_text(cells, text[place:], page)
    title, rest = cells[0]["source"].split("\n", 1)
    cells[0]["source"] = f"{title}\n\n{CHINESE_FIRST if 'zh/' in name else FIRST}\n{rest}"
    for cell in cells:  # as nbformat writes it: a list of lines
        cell["source"] = cell["source"].splitlines(keepends=True)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _add_text(cells: list[dict[str, Any]], text: str, page: Path) -> None:
    text = _plain(text, page).strip()
    if text:
        _add(cells, "markdown", text, {})


def _add(cells: list[dict[str, Any]], kind: str, source: str, metadata: dict[str, Any]) -> None:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": metadata}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    cells.append({**cell, "source": source})


def _plain(text: str, page: Path) -> str:
    """Return MyST as the Markdown that Jupyter knows."""
    text = MATH.sub(lambda match: _formula(match["tex"]), text)
    text = FIGURE.sub(lambda match: _figure(**match.groupdict(), page=page), text)
    return ROLE.sub(lambda match: _role(**match.groupdict(), page=page), text)


def _formula(tex: str) -> str:
    if "\\\\" in tex:
        tex = f"\\begin{{aligned}}\n{tex}\n\\end{{aligned}}"
    return f"$$\n{tex}\n$$"


def _figure(path: str, alt: str, caption: str, page: Path) -> str:
    """Return an image; its path leads there from the notebook's place in the repository."""
    parts = Path(path).parts
    beside = Path(*parts[parts.index("images") :])
    up = "../" * len(page.relative_to(DOCS).parts)  # the notebooks' folders are as deep as the pages'
    return f"![{alt}]({up}docs/{beside.as_posix()})\n\n*{' '.join(caption.split())}*"


def _role(role: str, target: str, page: Path) -> str:
    titled = TITLED.fullmatch(target)
    if titled:
        return titled["title"]
    if role == "doc":
        folder = DOCS if target.startswith("/") else page.parent
        meant = folder / f"{target.lstrip('/')}.md"
        (title,) = re.findall(r"^# (.+)$", meant.read_text("utf-8"), re.M)[:1]
        return f"*{title}*"
    return f"`{target.lstrip('~')}`"


def main() -> None:
    """Write every notebook."""
    for name in CHAPTERS:
        path = FOLDER / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook(name), "utf-8")


if __name__ == "__main__":
    main()
