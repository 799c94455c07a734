-- When the learner's own work last changed the row, null: it never did; and who completed it against the lesson's
-- conditions, null: nobody. Of what a row was changed by before, no more is known than who wrote it last.
ALTER TABLE lesson_progress ADD COLUMN worked_at TEXT;
ALTER TABLE lesson_progress ADD COLUMN completed_by TEXT;
UPDATE lesson_progress SET worked_at = updated_at WHERE written_by IS NULL;
