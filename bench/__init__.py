"""Benchmarks: the engine beside the least that its database could do, as ratios of one run. Nothing here fails."""
