"""Where rows are kept: one protocol, a store behind it for each database."""
