"""Insight: the plain implementation, gradient checks, explanations, plots, and what slows a machine."""

from elman.insight.gradcheck import gradcheck
from elman.insight.gradreport import GradcheckReport
from elman.insight.trace import Trace, trace

__all__ = ["GradcheckReport", "Trace", "gradcheck", "trace"]
