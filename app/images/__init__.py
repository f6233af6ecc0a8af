"""Bytes -> upright RGB picture -> tensor, and every limit on what comes in.

Knows nothing of HTTP, categories, scores or the model.
"""
