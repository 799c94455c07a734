"""The stores: one for each kind of database, all with the same protocol."""
