"""Tensor programs: straight-line instructions, their passes, their cost and a NumPy interpreter."""
