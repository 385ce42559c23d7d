"""Pictures of checked specs: `eqspec graph`, `eqspec report`, and what a notebook shows.

In: checked modules. Out: SVG, HTML, Mermaid, DOT, JSON. `scene` gathers what is to be seen, from the
records of `eqspec explain`; `layering` finds the places; `drawing` draws. Nothing is derived here.
"""
