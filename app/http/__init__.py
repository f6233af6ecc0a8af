"""What is particular to HTTP: bodies, problems, telemetry, and what goes over the wire."""
