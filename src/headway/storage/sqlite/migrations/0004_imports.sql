-- How far the imports are that were given a key, so that one broken off can go on: by whoever asked for them, and for
-- a week. `holder` works on it, and has it to itself for some seconds after `updated_at`.
CREATE TABLE imports (
    user_id    TEXT NOT NULL, -- who imports, not for whom
    key        TEXT NOT NULL,
    digest     TEXT NOT NULL, -- of the file and of how it is read
    holder     TEXT,
    line       INTEGER NOT NULL, -- the number of the last line that is through
    report     TEXT NOT NULL, -- what became of the lines so far, as JSON
    finished   INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID;
