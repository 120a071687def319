"""Check the built site: nothing fetched from elsewhere, links that lead somewhere, languages that are right.

Usage: ``python docs/check_site.py FOLDER``. What scripts load only a browser sees; here it is what pages and
style sheets name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
import languages

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "use": "href"}
LOADING_LINKS = {"stylesheet", "preload", "prefetch", "modulepreload", "icon", "preconnect"}


class Page(HTMLParser):
    """What a page loads, what it links to, its language, and where its switch leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.lang = ""
        self.switches: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.lang = found.get("lang", "")
        if tag in LOADING and found.get(LOADING[tag]):
            self.loads.append(found[LOADING[tag]])
        if tag == "link":
            loading = LOADING_LINKS & set(found.get("rel", "").split())
            (self.loads if loading else self.links).append(found.get("href", ""))
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
            if "language-switch" in found.get("class", "").split():
                self.switches.add(found["href"])


def leads_somewhere(page: Path, link: str) -> bool:
    """Say whether a link within the site has its file."""
    path = unquote(urlparse(link).path)
    return not path or (page.parent / path).is_file()


def is_outside(link: str) -> bool:
    """Say whether a link names another host, or a scheme that would fetch."""
    return bool(urlparse(link).netloc) or urlparse(link).scheme in ("http", "https")


def faults(root: Path) -> Iterator[str]:
    """Yield what is wrong with the site in a folder."""
    pages = {path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob("*.html")}
    pages = {name: path for name, path in pages.items() if not name.startswith("_static/")}
    for name, path in sorted(pages.items()):
        page = Page(path.read_text("utf-8"))
        yield from (f"{name}: loads {link}" for link in page.loads if is_outside(link))
        yield from (
            f"{name}: {link} does not exist"
            for link in sorted({*page.loads, *page.links})
            if not is_outside(link) and not urlparse(link).scheme and not leads_somewhere(path, link)
        )
        if page.lang != languages.language(name):
            yield f"{name}: its language is {page.lang!r}"
        there = root / f"{languages.counterpart(name, pages)}.html"
        if {(path.parent / switch).resolve() for switch in page.switches} != {there.resolve()}:
            yield f"{name}: its switch leads to {sorted(page.switches)}"
    for sheet in root.rglob("*.css"):
        named = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", sheet.read_text("utf-8"))
        outside = filter(is_outside, map("".join, named))
        yield from (f"{sheet.relative_to(root)}: loads {url}" for url in outside)


def main(folder: str) -> int:
    """Print the faults of a site, and return 1 if there are any."""
    if not (Path(folder) / "index.html").is_file():
        print(f"{folder} has no index.html: build the site first", file=sys.stderr)
        return 2
    found = list(faults(Path(folder)))
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
