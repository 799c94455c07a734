"""Runs the service under uvicorn, in one process or several, and opens the socket that it listens on."""
