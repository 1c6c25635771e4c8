"""The data that the package brings: a subset of Fashion-MNIST at 16×16, made by `make.py`."""
