-- Where a course stands in lists by title, made of the title by the program, which fills it in for courses from before:
-- docs/decisions/0035.
ALTER TABLE courses ADD COLUMN sort_key BLOB NOT NULL DEFAULT x'';
CREATE INDEX courses_by_title ON courses (sort_key, course_id);
