"""`eqspec lift`: a torch model of plain layers becomes a spec in which a group acts."""
