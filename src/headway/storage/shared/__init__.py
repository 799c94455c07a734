"""What both stores have in common: over a small session of a store's own, or as pure functions."""
