"""How work flows through one process: who is let in, in which batch, on which thread, until when.

Knows nothing of HTTP, images or the model.
"""
