-- When the learner's own work last changed the lesson progress (null: never), and who completed it although a condition
-- of the lesson is not met (null: nobody). Of earlier changes, only the last writer is known.
ALTER TABLE lesson_progress
    ADD COLUMN worked_at timestamptz,
    ADD COLUMN completed_by uuid;
UPDATE lesson_progress SET worked_at = updated_at WHERE written_by IS NULL;

-- The words of the glossary (docs/architecture.md): a millionth of a minute is a micro-minute, of a point a
-- micro-point.
ALTER TABLE course_progress RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE course_progress RENAME COLUMN day_time_parts TO day_micro_minutes;
ALTER TABLE learner_days RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE lesson_statistics RENAME COLUMN tried TO attempted;
ALTER TABLE lesson_statistics RENAME COLUMN score_parts TO micro_points;
ALTER TABLE lesson_statistics RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE course_activity RENAME COLUMN time_parts TO micro_minutes;
ALTER TABLE rederivations RENAME TO recalculations;
