-- Statements of the archive for SQLite only. Parameters are bound by position, in the order in which they first appear.

-- name: hold-lesson-progress!
-- Store lesson progress as it is in another database, with its id and its time of creation.
INSERT OR REPLACE INTO lesson_progress ({lesson_progress}) VALUES ({lesson_progress:values});
