"""What outlives the process: categories with their calibrations, and the inspection log."""
