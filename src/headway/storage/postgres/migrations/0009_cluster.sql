-- No foreign key from recalculations to courses: on a cluster, a course edit and a recalculation would lock each other
-- out. Removing a course removes its recalculation.
ALTER TABLE recalculations DROP CONSTRAINT IF EXISTS rederivations_course_id_fkey;
