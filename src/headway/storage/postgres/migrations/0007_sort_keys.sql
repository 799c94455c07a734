-- Where a course stands in lists by title, made of the title by the program, which fills it in for courses from before:
-- docs/decisions/0035. Bytes are compared alike whatever the database's collation is.
ALTER TABLE courses ADD COLUMN sort_key bytea NOT NULL DEFAULT '';
CREATE INDEX courses_by_title ON courses (sort_key, course_id);
