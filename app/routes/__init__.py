"""Thin HTTP handlers: what is asked in, what is answered out; the work is done elsewhere."""
