"""One file per step, in order of their numbers; a published one is never changed."""
