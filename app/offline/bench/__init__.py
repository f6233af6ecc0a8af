"""Benchmarks: two things paired in one run, reported as medians and ratios; no timed tests.

Knows nothing of the command line, which is `scripts/bench`.
"""
