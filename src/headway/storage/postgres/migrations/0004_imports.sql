-- The state of imports that have a key, so that an interrupted import can continue, by the caller. It is kept for a
-- week, and distributed by user_id. `holder` works on the import, and has a lease for some seconds after `updated_at`.
CREATE TABLE imports (
    user_id    uuid NOT NULL, -- the caller who imports, not the learner
    key        text NOT NULL,
    digest     text NOT NULL, -- of the file and of how it is read
    holder     text,
    line       integer NOT NULL, -- the number of the last finished line
    report     json NOT NULL, -- the report on the lines so far
    finished   boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
