"""One site in two languages: English pages, and Chinese ones below ``zh/``, each linked to its counterpart.

The pages are built together. On a Chinese page this hook gives the templates what differs: the language, the
theme's fixed words, the home and the pages of the header. What it decides is in plain functions, which need
no Sphinx.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ENGLISH, CHINESE = "en", "zh-Hans"
FOLDER = "zh/"
HOMES = {ENGLISH: "index", CHINESE: FOLDER + "index"}
NAMES = {ENGLISH: ("English", "EN"), CHINESE: ("简体中文", "中")}
# What the switch explains on a page without counterpart, in the language it leads to.
NO_COUNTERPART = {
    ENGLISH: "This page is in Chinese only; this leads to the English home",
    CHINESE: "本页只有英文版，此链接通往中文首页",
}
# Words of the theme that its own catalogue lacks, or has in a sense that does not fit here.
WORDS = {
    "Breadcrumb": "当前位置",
    "Collapse Sidebar": "收起侧栏",
    "Color mode": "配色",
    "Dark": "深色",
    "Expand Sidebar": "展开侧栏",
    "Home": "首页",
    "Light": "浅色",
    "More": "更多",
    "On this page": "本页内容",
    "Search the docs ...": "搜索文档……",
    "Section Navigation": "目录",
    "Site navigation": "网站导航",
    "Skip to main content": "跳到正文",
    "System Settings": "跟随系统",
    "next": "下一页",
    "previous": "上一页",
}
# What the builder writes into the text itself, where no template can exchange it.
IN_THE_TEXT = {
    'title="Link to this definition"': 'title="本条链接"',
    'title="Link to this heading"': 'title="本节链接"',
    'title="Link to this image"': 'title="此图链接"',
    'title="Link to this table"': 'title="此表链接"',
    "Show code cell source": "显示代码",
    "Hide code cell source": "收起代码",
}

# A formula within a line, and the mark after it: a browser would let the next line begin with the mark.
FORMULA_AND_MARK = re.compile(r'<span class="math[^"]*">[^<]*</span>[，。、；：？！）”]+')

Translate = Callable[[str], str]


def language(page: str) -> str:
    """Return the language of a page, as ``lang`` and ``hreflang`` say it."""
    return CHINESE if page.startswith(FOLDER) else ENGLISH


def other(code: str) -> str:
    """Return the other of the two languages."""
    return ENGLISH if code == CHINESE else CHINESE


def translation_of(page: str, pages: Collection[str]) -> str | None:
    """Return the page that says the same in the other language, or None where there is none."""
    there = page.removeprefix(FOLDER) if language(page) == CHINESE else FOLDER + page
    return there if there in pages else None


def counterpart(page: str, pages: Collection[str]) -> str:
    """Return where the switch of a page leads: to its translation, else to the home of the other language."""
    return translation_of(page, pages) or HOMES[other(language(page))]


def is_within(page: str, entry: str) -> bool:
    """Say whether a page is an entry of the header, or below one."""
    return page == entry or (entry.endswith("/index") and page.startswith(entry.removesuffix("index")))


def catalogue(folders: Iterable[tuple[Path, str]]) -> Translate:
    """Return a function from English words to Chinese: ours, else what a catalogue of these folders has."""
    catalogues = [gettext.translation("sphinx", folder, [code]) for folder, code in folders]

    def translate(message: str) -> str:
        if message in WORDS:
            return WORDS[message]
        return next((new for each in catalogues if (new := each.gettext(message)) != message), message)

    return translate


def alternates(page: str, pages: Collection[str], pathto: Translate) -> str:
    """Return the links that tell search engines of both languages; none for a page without translation."""
    there = translation_of(page, pages)
    if there is None:
        return ""
    urls = {language(page): f"{page.rpartition('/')[2]}.html", language(there): pathto(there)}
    links = [(code, urls[code]) for code in (ENGLISH, CHINESE)] + [("x-default", urls[ENGLISH])]
    return "".join(f'\n    <link rel="alternate" hreflang="{code}" href="{url}" />' for code, url in links)


def speak_chinese(context: dict[str, Any], translate: Translate) -> None:
    """Exchange the words of the templates, the home, and what is in the text."""
    home = HOMES[CHINESE]
    context["gettext"] = context["_"] = translate
    context["ngettext"] = lambda one, many, n: translate(one if n == 1 else many)
    context["root_doc"] = context["master_doc"] = home
    context["parents"] = [up for up in context.get("parents", []) if up["link"] != context["pathto"](home)]
    body = context.get("body", "")
    for words, ours in IN_THE_TEXT.items():
        body = body.replace(words, ours)
    context["body"] = FORMULA_AND_MARK.sub(r'<span class="unbroken">\g<0></span>', body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the hook, before the theme's, which read what it sets."""
    import pydata_sphinx_theme
    import sphinx

    theme, own = (Path(str(package.__file__)).parent / "locale" for package in (pydata_sphinx_theme, sphinx))
    translate = catalogue([(theme, "zh"), (own, "zh_CN")])

    def on_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
        env, pathto, code = app.env, context["pathto"], language(page)
        there = counterpart(page, env.found_docs)
        context["language"] = code
        context["language_switch"] = {
            "code": language(there),
            "names": NAMES[language(there)],
            "url": pathto(there),
            "title": "" if translation_of(page, env.found_docs) else NO_COUNTERPART[language(there)],
        }
        context["site_links"] = [
            (pathto(entry), env.titles[entry].astext(), is_within(page, entry), entry == page)
            for entry in env.toctree_includes.get(HOMES[code], [])
            if language(entry) == code
        ]
        context["metatags"] = context.get("metatags", "") + alternates(page, env.found_docs, pathto)
        # The order of reading ends where a language ends.
        _, before, after = app.builder.relations.get(page, (None, None, None))  # type: ignore[attr-defined]
        for name, neighbour in (("prev", before), ("next", after)):
            if neighbour and language(neighbour) != code:
                context[name] = None
        if code == CHINESE:
            speak_chinese(context, translate)

    app.connect("html-page-context", on_page, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
