-- What carrying a database's content to another one asks of SQLite alone. Parameters are bound by position, in the
-- order they first appear.

-- name: hold-lesson-row!
-- A row as it is in another database, its id and its beginning too.
INSERT OR REPLACE INTO lesson_progress ({lesson_progress}) VALUES ({lesson_progress:values});
