-- When values of lesson progress were set, by field, and when lesson progress was removed, by lesson: JSON objects of
-- microseconds since 1970 (null: none). They decide about writes that were made earlier and arrive later:
-- docs/decisions/0057.
ALTER TABLE lesson_progress ADD COLUMN set_at text;
ALTER TABLE course_progress ADD COLUMN removed_at text;
