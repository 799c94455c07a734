-- The state of imports that have a key, so that an interrupted import can continue, by the caller. It is kept for a
-- week. `holder` works on the import, and has a lease for some seconds after `updated_at`.
CREATE TABLE imports (
    user_id    TEXT NOT NULL, -- the caller who imports, not the learner
    key        TEXT NOT NULL,
    digest     TEXT NOT NULL, -- of the file and of how it is read
    holder     TEXT,
    line       INTEGER NOT NULL, -- the number of the last finished line
    report     TEXT NOT NULL, -- the report on the lines so far, as JSON
    finished   INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID;
