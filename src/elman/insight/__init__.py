"""Insight: the plain implementation, gradient checks, plots, and what holds a machine back."""

from elman.insight.gradcheck import gradcheck
from elman.insight.gradreport import GradcheckReport

__all__ = ["GradcheckReport", "gradcheck"]
