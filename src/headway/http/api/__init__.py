"""The API's operations: its index, their handlers, and the shapes of their answers."""
