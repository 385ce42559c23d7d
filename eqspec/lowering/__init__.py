"""From a checked layer graph to a validated tensor program."""
