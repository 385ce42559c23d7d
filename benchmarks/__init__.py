"""How fast eqspec and the code that it emits are, as ratios to what one would use instead.

Run `python -m benchmarks` in the root of the repository; `--help` lists the sections.
"""
