"""What training on many machines costs: the model, its fit to what was measured, and what it says."""
