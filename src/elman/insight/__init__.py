"""Insight: the plain implementation, gradient checks and plots."""

from elman.insight.gradcheck import gradcheck
from elman.insight.gradreport import GradcheckReport

__all__ = ["GradcheckReport", "gradcheck"]
