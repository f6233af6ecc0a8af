"""What `scripts/check_image` is made of."""
