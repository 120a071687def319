"""Decoding: one step at a time, sampling, and the scoring of given texts."""
