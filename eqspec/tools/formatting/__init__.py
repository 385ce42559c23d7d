"""`eqspec fmt`, and the repairs of `eqspec check --fix`: what changes specs."""
