-- Lines of imports of which all are written or none: decided, and written soon. docs/decisions/0037. Each piece has a
-- few lines, of which the first has the least learner and course and the last the greatest, as user_id || course_id.
CREATE TABLE promised_lines (
    piece      INTEGER NOT NULL PRIMARY KEY,
    first_key  TEXT NOT NULL,
    last_key   TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    lines      TEXT NOT NULL
);
