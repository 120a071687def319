"""ONNX out: a model becomes a graph, the graph is checked, and what passed becomes a file.

``operators`` says which operator of ONNX a cell is, ``weights`` lays a layer's parameters out as that
operator reads them, ``graph`` joins the layers, ``verify`` holds the result against the model, ``card`` tells
what went in and out, and ``exporting`` does these in turn.
"""
