"""The two languages of the site: where the switch of a page leads, and what is checked of the built pages."""

import importlib.util
import sys

import pytest

from .pages import DOCS


def load(path):
    """Import a module of the documentation's machinery."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


before = list(sys.path)
languages = load(DOCS / "_ext" / "languages.py")
two_scripts = load(DOCS / "_ext" / "two_scripts.py")
check_site = load(DOCS / "check_site.py")
sys.path[:] = before

PAGES = {"index", "install", "tutorial/01-words", "zh/index", "zh/tutorial/01-words", "zh/only"}


@pytest.mark.parametrize(
    ("page", "there"),
    [
        ("index", "zh/index"),
        ("zh/index", "index"),
        ("tutorial/01-words", "zh/tutorial/01-words"),
        ("zh/tutorial/01-words", "tutorial/01-words"),
        ("install", "zh/index"),
        ("zh/only", "index"),
        ("search", "zh/index"),
    ],
)
def test_the_switch_leads_to_the_same_page_or_to_the_other_home(page, there):
    assert languages.counterpart(page, PAGES) == there


def test_only_translated_pages_have_alternates():
    found = languages.alternates("zh/tutorial/01-words", PAGES, lambda page: f"/{page}.html")
    assert 'hreflang="en" href="/tutorial/01-words.html"' in found
    assert 'hreflang="zh-Hans" href="01-words.html"' in found
    assert 'hreflang="x-default" href="/tutorial/01-words.html"' in found
    assert languages.alternates("install", PAGES, str) == ""


def test_an_entry_of_the_header_holds_the_pages_of_its_folder():
    assert languages.is_within("zh/tutorial/01-words", "zh/tutorial/index")
    assert languages.is_within("zh/quickstart", "zh/quickstart")
    assert not languages.is_within("zh/tutorial/01-words", "zh/quickstart")
    assert not languages.is_within("tutorial/01-words", "zh/tutorial/index")


def test_a_chinese_page_speaks_chinese():
    context = {
        "pathto": lambda page: f"/{page}.html",
        "parents": [{"link": "/zh/index.html"}, {"link": "/zh/tutorial/index.html"}],
        "body": '<a title="Link to this heading"><span class="math nohighlight">\\(h\\)</span>，',
    }
    languages.speak_chinese(context, languages.catalogue([]))
    assert context["gettext"]("On this page") == "本页内容"
    assert context["gettext"]("no such words") == "no such words"
    assert context["parents"] == [{"link": "/zh/tutorial/index.html"}]
    assert context["root_doc"] == "zh/index"
    assert 'title="本节链接"' in context["body"]
    assert '<span class="unbroken"><span class="math nohighlight">\\(h\\)</span>，</span>' in context["body"]


def test_chinese_is_searched_by_characters_and_pairs():
    assert two_scripts.words("遗忘门 of the LSTM_2") == [*"遗忘门", "遗忘", "忘门", "of", "the", "LSTM_2"]
    assert two_scripts.words("门") == ["门"]


def page(lang, switch, inside=""):
    return f'<html lang="{lang}"><a class="nav-link language-switch" href="{switch}">.</a>{inside}'


@pytest.fixture
def site(tmp_path):
    """The smallest site without a fault."""
    (tmp_path / "zh").mkdir()
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "a.css").write_text("p { background: url(data:image/gif;base64,AA) }", "utf-8")
    (tmp_path / "index.html").write_text(page("en", "zh/index.html", '<a href="https://x.org">'), "utf-8")
    (tmp_path / "zh" / "index.html").write_text(page("zh-Hans", "../index.html"), "utf-8")
    return tmp_path


def test_a_site_without_a_fault_passes(site):
    assert list(check_site.faults(site)) == []
    assert check_site.main(str(site)) == 0
    assert check_site.main(str(site / "_static")) == 2


@pytest.mark.parametrize(
    ("path", "text", "fault"),
    [
        ("index.html", page("en", "zh/index.html", '<script src="https://cdn.org/m.js">'), "loads"),
        ("index.html", page("en", "zh/index.html", '<script src="//cdn.org/m.js">'), "loads"),
        ("index.html", page("en", "zh/index.html", '<link rel="stylesheet" href="https://x.org/">'), "loads"),
        ("_static/a.css", "@import 'https://fonts.org/a.css'", "loads"),
        ("_static/a.css", "@font-face { src: url('https://fonts.org/a.woff') }", "loads"),
        ("index.html", page("en", "zh/index.html", '<a href="gone.html#x">'), "does not exist"),
        ("zh/index.html", page("en", "../index.html"), "its language"),
        ("zh/index.html", page("zh-Hans", "index.html"), "its switch"),
        ("index.html", '<html lang="en">', "its switch"),
    ],
)
def test_a_fault_of_a_site_is_found(site, path, text, fault):
    (site / path).write_text(text, "utf-8")
    (found,) = check_site.faults(site)
    assert fault in found
    assert check_site.main(str(site)) == 1
