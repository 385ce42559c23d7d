"""The certificate of a spec: every claim, with the matrices by which it can be checked again.

    tables.py     groups, representations and types as plain values; each group and each action once
    nodes.py      what is claimed of a feature, and the spaces of maps of a layer
    document.py   the whole record, its text, and the hashes of the files that it speaks of

The claims come from the checked spec alone: they need neither NumPy nor a lowered program. The room
`eqspec.verify` reads the text and shares no code with this one.
"""
