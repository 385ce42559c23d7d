"""`eqspec bench`: emitted modules timed against what one would use instead, and the device table."""
