"""Figures of merit of scores and maps: image level, pixel level, PRO.

Knows nothing of models, files or data sets. A figure that is not defined is None, never 0 or NaN.
"""
