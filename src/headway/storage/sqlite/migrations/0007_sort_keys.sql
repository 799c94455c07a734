-- The position of a course in lists by title: docs/decisions/0035. The program makes it from the title, and fills it in
-- for courses that are already stored.
ALTER TABLE courses ADD COLUMN sort_key BLOB NOT NULL DEFAULT x'';
CREATE INDEX courses_by_title ON courses (sort_key, course_id);
