"""The API's operations: the route table, the handlers, and the shapes of their answers."""
