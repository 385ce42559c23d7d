"""The Python interface: what `import eqspec` offers, as typed functions and frozen values.

In: a spec as a path or a text. Out: `CheckedSpec`, `CompiledSpec`, `LoadedSpec`, or one exception,
`SpecError`, that carries the diagnostics.
"""
