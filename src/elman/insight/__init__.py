"""Insight: the plain implementation, gradient checks and plots."""
