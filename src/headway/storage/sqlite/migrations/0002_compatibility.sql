-- The oldest schema version whose Headway may use this schema. So an older program can continue with a database that a
-- newer one has migrated, where nothing has changed that it relies on.
CREATE TABLE schema_compatibility (compatible_from INTEGER NOT NULL);
INSERT INTO schema_compatibility (compatible_from) VALUES (0);
