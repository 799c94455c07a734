-- The goals that learners set for each week. docs/decisions/0049.
CREATE TABLE goals (
    user_id       TEXT NOT NULL PRIMARY KEY,
    days_per_week INTEGER NOT NULL,
    since         TEXT NOT NULL, -- a date: weeks count from the one with this day on
    version       INTEGER NOT NULL
) WITHOUT ROWID;
