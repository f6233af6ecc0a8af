"""The method of CLIP-AD (arXiv 2311.00453). Knows nothing of HTTP or of settings."""
