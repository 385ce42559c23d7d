"""eqspec: a compiler from declared symmetries to PyTorch modules that provably have them."""

__version__ = "0.1.0"
