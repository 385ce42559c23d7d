"""Programs that run in the environment of a peer: they may import that peer, torch and `benchmarks.measure`,
but not eqspec. Argument: a folder with `job.json` and emitted modules. The last line of the output is JSON."""
