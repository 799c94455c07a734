"""What both stores do in the same way: over a session that each store implements, or as pure functions."""
