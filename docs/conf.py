"""The documentation's settings. Build: ``sphinx-build -W --keep-going -b html docs docs/_build/html``."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# What the kernels of these pages may import: the examples, and where elman is not installed, its source.
paths = [str(HERE.parent / "examples")]
if find_spec("elman") is None:
    paths.append(str(HERE.parent / "src"))
    sys.path.insert(0, paths[-1])
os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])

import elman  # noqa: E402

project = "elman"
author = "The elman developers"
copyright = "The elman developers"
version = release = elman.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # which serves MathJax from the site itself
    "languages",
    "two_scripts",
]
exclude_patterns = ["_build", "jupyter_execute", "reference/api/README*"]
templates_path = ["_templates"]
# A reference that leads nowhere is an error. Types of Python and NumPy are not linked: that would need
# their inventories from the network.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(numpy|pathlib|collections|typing|os)\..*")]

# -- Python: docstrings are numpydoc's, and say the types ----------------------------------------------
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = True
autosummary_imported_members = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# What the docstring of a public name is held to. Not asked for: an example, a "See Also" and a longer text
# for every name (EX01, SA01, ES01); types and meanings of parameters that stand together as "as there"
# (PR04, PR07); a section for what the first line says is returned (RT01, RT03); the imperative, which does
# not fit classes and properties (SS05); a docstring where a method inherits one (GL08); a line end after the
# opening quotes (GL01, GL02).
numpydoc_validation_checks = {
    "GL03",  # no double blank lines
    "GL05",  # no tabs
    "GL06",  # sections have names that are known,
    "GL07",  # and come in the right order
    "GL10",  # directives are written so that they work
    "SS01",  # there is a summary;
    "SS02",  # it begins with a capital letter,
    "SS03",  # ends with a period,
    "SS04",  # and has no leading spaces
    "PR01",  # every parameter is there,
    "PR02",  # and none that does not exist,
    "PR03",  # in the order of the signature
    "YD01",  # what is yielded has a section
}
numpydoc_validation_exclude = {
    # The parts behind the public names: of a contract, a sentence with the shapes often says it better.
    r"^elman\.(network|data|storage|training|decoding|insight)\.",
    r"^elman\.interop\.keras\.read$",  # arguments as those of load
    r"^elman\.interop\.said\.Imported\.",  # fields, which its docstring describes
    # What all tokenizers inherit of their contract, which elman.data.Tokenizer states.
    r"^elman\.\w+Tokenizer\.(check_ids|pieces|save|symbols)$",
    # Arguments as those of loss_and_grads, which describes them.
    r"^elman\.LanguageModel\.backprop$",
    # Values whose constructors take what "Attributes" describes; the settings are described by their help.
    r"^elman\.(Corpus|Evaluation|Explanation|GradcheckReport|Score|Trace|TrainConfig)$",
    r"^elman\.interop\.onnx\.Card$",
}

# -- Pages --------------------------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # the code of a page runs at every build
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 240
nb_execution_show_tb = True
nb_ipywidgets_js = {}  # nothing is fetched when a page is read
nb_merge_streams = True

# -- HTML ---------------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"elman {release}"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_search_language = "en+zh"
html_static_path = ["_static"]
html_css_files = ["elman.css"]
html_copy_source = False
html_show_sourcelink = False
# Pages without others beside them need no list of those beside them.
_ALONE = (
    "install", "quickstart", "architecture", "results", "benchmarks", "scaling", "contributing", "changelog",
)  # fmt: skip
_ALONE_IN_CHINESE = ("zh/index", "zh/quickstart", "zh/guide/explain")
html_sidebars: dict[str, list[str]] = {page: [] for page in (*_ALONE, *_ALONE_IN_CHINESE)}
html_theme_options = {
    "logo": {"text": "elman"},
    "navbar_align": "left",
    "navbar_center": ["navbar-pages"],
    "navbar_persistent": ["search-button-field", "language-switch"],
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "github-dark",
}


def setup(app: Any) -> None:
    """Let pages be read side by side: what serves MathJax only names a file, and does not say that it may."""
    app.extensions["sphinx-mathjax-offline"].parallel_read_safe = True
