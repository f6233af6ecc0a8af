"""Evaluation of a method on a data set: scores, figures, the worst cases, a report.

Knows nothing of settings; its command line is `scripts/evaluate`.
"""
