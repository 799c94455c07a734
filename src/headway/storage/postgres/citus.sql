-- Statements about a Citus cluster. Learners' tables are distributed by the learner, so everything about a learner is on
-- one worker. Counters are distributed by their slot, so a transaction finds slots on the worker of its learners. The
-- catalogue is on every node. Parameters are bound by position, in the order in which they first appear.

-- name: has-citus^
-- Whether the database has the extension.
SELECT count(*) FROM pg_extension WHERE extname = 'citus';

-- name: is-worker^
-- Whether this node is a worker, and not the coordinator.
SELECT groupid <> 0 FROM pg_dist_local_group;

-- name: is-distributed^
-- Whether the learners' tables are distributed.
SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = to_regclass('course_progress');

-- name: distribution-columns
-- The tables that are distributed, each with its column; null: it is on every node.
SELECT c.relname, CASE WHEN p.partkey IS NOT NULL THEN column_to_column_name(p.logicalrelid, p.partkey) END
FROM pg_dist_partition AS p
JOIN pg_class AS c ON c.oid = p.logicalrelid
WHERE c.oid = to_regclass(quote_ident(c.relname));

-- name: count-workers^
-- The number of nodes that get shards, without the coordinator.
SELECT count(*) FROM pg_dist_node WHERE groupid <> 0 AND noderole = 'primary' AND shouldhaveshards;

-- name: shards
-- The shards of the learners' tables by their first hash, each with the node that has it.
SELECT s.shardminvalue::bigint, n.nodename, n.nodeport
FROM pg_dist_shard AS s
JOIN pg_dist_placement AS p ON p.shardid = s.shardid
JOIN pg_dist_node AS n ON n.groupid = p.groupid AND n.noderole = 'primary'
WHERE s.logicalrelid = to_regclass('course_progress')
ORDER BY s.shardminvalue::bigint;

-- name: slots-of-nodes
-- The first slots of the counters, each with the node that has it.
SELECT slot, n.nodename, n.nodeport
FROM generate_series(0, :slots::integer - 1) AS slot
JOIN pg_dist_placement AS p
    ON p.shardid = get_shard_id_for_distribution_column('course_statistics', slot::smallint)
JOIN pg_dist_node AS n ON n.groupid = p.groupid AND n.noderole = 'primary';

-- name: one-shard-after-the-other!
-- Until the end of the transaction, change the shards of a table one after the other, as several changes of tables in
-- one transaction need.
SELECT set_config('citus.multi_shard_modify_mode', 'sequential', true);

-- name: put-on-every-node!
-- Put a table on every node.
SELECT create_reference_table(:name::text::regclass);

-- name: distribute!
-- Distribute a table by a column.
SELECT create_distributed_table(:name::text::regclass, :by::text, colocate_with => 'none', shard_count => :shards);

-- name: distribute-beside!
-- Distribute a table by a column, each shard beside the one of another table.
SELECT create_distributed_table(:name::text::regclass, :by::text, colocate_with => :beside::text);

-- name: bring-together!
-- Put a table that was distributed by another column back on the coordinator.
SELECT undistribute_table(:name::text::regclass);

-- name: settings-of-nodes
-- The value of a setting on every node. The command is a SHOW.
SELECT nodename, nodeport, result
FROM run_command_on_all_nodes(:show) AS found
JOIN pg_dist_node AS n ON n.nodeid = found.nodeid;

-- name: one-connection-a-worker!
-- Until the end of the transaction, read with one connection to each worker, so that a worker has one snapshot. A SELECT
-- would begin the coordinator's snapshot too early.
SET LOCAL citus.max_adaptive_executor_pool_size = 1;

-- name: hold-back-writes!
-- Wait until no transaction is changing learners or courses anywhere, and hold new ones back.
LOCK TABLE catalogue, course_progress IN SHARE MODE;

-- name: touch-every-worker
-- Read on every worker, so that the transaction's snapshot begins there.
SELECT user_id FROM course_progress LIMIT 1;
