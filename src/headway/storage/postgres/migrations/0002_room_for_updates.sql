-- Room on each page for new versions of its rows. An update that stays on its page changes no index, because no index
-- has a column that changes. The room is free again without a vacuum
-- (https://www.postgresql.org/docs/current/storage-hot.html).
ALTER TABLE lesson_progress SET (fillfactor = 80);
ALTER TABLE course_progress SET (fillfactor = 50);
