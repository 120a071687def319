"""Models in the files of others: PyTorch, Keras, ONNX; a package each, imported by its name.

None of them loads the framework it is named after.
"""
