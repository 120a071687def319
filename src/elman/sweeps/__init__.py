"""Sweeps: many runs whose settings are searched by Optuna (the extra `sweep`), shared over processes."""
