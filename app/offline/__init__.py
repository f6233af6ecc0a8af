"""Training and evaluation: stands on `clipad` and `images`; nothing else in `app` imports it."""
