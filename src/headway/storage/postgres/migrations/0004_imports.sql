-- How far the imports are that were given a key, so that one broken off can go on: by whoever asked for them, and for
-- a week, distributed by user_id. `holder` works on it, and has it to itself for some seconds after `updated_at`.
CREATE TABLE imports (
    user_id    uuid NOT NULL, -- who imports, not for whom
    key        text NOT NULL,
    digest     text NOT NULL, -- of the file and of how it is read
    holder     text,
    line       integer NOT NULL, -- the number of the last line that is through
    report     json NOT NULL, -- what became of the lines so far
    finished   boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
