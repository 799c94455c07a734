"""A package, so that its browser stays from the first of its tests to the last."""
