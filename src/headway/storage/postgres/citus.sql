-- Distributes the tables over a Citus cluster. Everything about a learner is on one node, the catalogue is on every
-- node. `headway migrate --citus` runs it once, on a schema that is up to date.

-- name: distribute#
SELECT create_reference_table('catalogue');
SELECT create_reference_table('courses');
SELECT create_reference_table('lessons');
SELECT create_reference_table('recalculations');
SELECT create_distributed_table('course_progress', 'user_id');
SELECT create_distributed_table('lesson_progress', 'user_id', colocate_with => 'course_progress');
SELECT create_distributed_table('learner_days', 'user_id', colocate_with => 'course_progress');
SELECT create_distributed_table('erased_learners', 'user_id', colocate_with => 'course_progress');
SELECT create_distributed_table('imports', 'user_id', colocate_with => 'course_progress');
SELECT create_distributed_table('sign_in_codes', 'digest');
SELECT create_distributed_table('course_statistics', 'course_id');
SELECT create_distributed_table('lesson_statistics', 'course_id', colocate_with => 'course_statistics');
SELECT create_distributed_table('quiz_scores', 'course_id', colocate_with => 'course_statistics');
SELECT create_distributed_table('course_activity', 'course_id', colocate_with => 'course_statistics');
