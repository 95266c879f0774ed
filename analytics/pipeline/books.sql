-- what:  what the balance needs of TimescaleDB, in one snapshot
-- takes: a part and the batch that the lake reaches
-- gives: rows that the lake does not have; hits in quarantine

-- name: hot_hits  (_hot)
SELECT count(*) FROM hit WHERE part = $1 AND batch > $2;

-- name: hot_events  (_hot)
SELECT count(*) FROM event WHERE part = $1 AND batch > $2;

-- name: quarantined  (balance)
SELECT count(*) FROM quarantine WHERE readmitted_at IS NULL;

-- name: one_at_a_time  (enter_door_counters)
SELECT pg_advisory_xact_lock($1, $2);
