"""`eqspec audit`: an existing torch model is run against the inputs and outputs of a spec."""
