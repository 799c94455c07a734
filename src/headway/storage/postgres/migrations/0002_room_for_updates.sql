-- Room on each page for the next version of its rows: an update that stays on its page touches no index, since none
-- has a column that changes, and the room is had back without a vacuum
-- (https://www.postgresql.org/docs/current/storage-hot.html).
ALTER TABLE lesson_progress SET (fillfactor = 80);
ALTER TABLE course_progress SET (fillfactor = 50);
