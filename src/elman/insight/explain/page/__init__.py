"""The page behind ``elman explain --html``: a network to look inside, in one file."""

from elman.insight.explain.page.build import page

__all__ = ["page"]
