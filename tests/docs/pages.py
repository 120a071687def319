"""The pages of the documentation as the tests read them: code blocks, commands, links."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
SHELLS = ("bash", "console", "shell", "sh")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    language: str
    body: str


def pages() -> list[Path]:
    """Return every page that people wrote: those in docs, and those at the root."""
    written = [path for path in sorted(DOCS.rglob("*.md")) if "_build" not in path.parts]
    return [*sorted(ROOT.glob("*.md")), *written]


def name(page: Path) -> str:
    """Return how a page is called in the names of tests."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page; executed cells have the language ``{code-cell}``."""
    found = FENCE.finditer(page.read_text("utf-8"))
    return [Block(page, (match["info"].split() or [""])[0], match["body"]) for match in found]


def code_of(block: Block) -> str:
    """Return a cell without the options in its head."""
    lines = block.body.splitlines()
    while lines and (lines[0].startswith(":") or not lines[0].strip()):
        lines.pop(0)
    return "\n".join(lines)


def commands(page: Path) -> list[list[str]]:
    """Return the ``elman`` commands of a page's shell blocks, as lists of arguments after ``elman``."""
    found = []
    for block in blocks(page):
        if block.language not in SHELLS:
            continue
        for line in block.body.replace("\\\n", " ").splitlines():
            for part in line.removeprefix("$ ").split("&&"):
                words = shlex.split(part, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words = words[1:]
                if words and Path(words[0]).name == "elman":
                    found.append(words[1:])
    return found


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures, without those to other sites."""
    text = FENCE.sub("", page.read_text("utf-8"))
    targets = [next(filter(None, groups)) for groups in LINK.findall(text)]
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
