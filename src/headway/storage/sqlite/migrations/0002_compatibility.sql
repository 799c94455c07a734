-- The oldest schema version whose Headway may work on this one: so that an older program can go on with a database
-- that a newer one has migrated, where nothing it relies on has changed.
CREATE TABLE schema_compatibility (compatible_from INTEGER NOT NULL);
INSERT INTO schema_compatibility (compatible_from) VALUES (0);
