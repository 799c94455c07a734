-- The position of a course in lists by title: docs/decisions/0035. The program makes it from the title, and fills it in
-- for courses that are already stored. Bytes have the same order under every collation of the database.
ALTER TABLE courses ADD COLUMN sort_key bytea NOT NULL DEFAULT '';
CREATE INDEX courses_by_title ON courses (sort_key, course_id);
