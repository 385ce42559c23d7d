"""Other libraries for equivariant layers, each in an environment of its own.

`environments` builds them in a cache folder, `comparison` runs one of the programs of `inside` in each: such a program
times the peer's layer, the layer that eqspec emitted (plain PyTorch, so it runs there too) and the plain
layer of torch side by side, in one process. `python -m benchmarks.peers` builds the environments.
"""
