"""The HTTP contract, against a detector without weights."""
