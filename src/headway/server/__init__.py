"""The service as a process, or several: where it listens, and uvicorn under it."""
