"""What `scripts/soak` can do, a command a file."""
