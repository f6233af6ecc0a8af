"""clip-ad: zero-shot visual inspection from words alone, as a REST service."""
