"""Finite groups, their exact representations, and the linear maps that commute with them.

Pure mathematics, usable alone: `groups` and `families` (groups), `representations`, `constructors`
and `lattice` (how they act), `homomorphism` (is it an action), `counting` and `multiaverage`
(dimensions by characters), `solver` (bases, exactly), `averages` (the finite group that a joint
action generates). Everything but `solver` and `nullspace` is pure Python and imports no numpy.
"""
