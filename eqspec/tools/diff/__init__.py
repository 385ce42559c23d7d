"""`eqspec diff`: what two versions of a spec promise, compared by exact mathematics.

A promise is a set of pairs of maps (of all inputs, of an output) with which a module commutes. It is kept
if every pair of the old spec is a pair of the new one, whatever the groups and their factors are called.
"""
