"""The service as a process, talked to with curl."""
