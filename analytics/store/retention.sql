-- what:  retention by whole chunks
-- takes: a table; a part, the batch that the lake reaches and the end of a slice; a table and a moment
-- gives: the start of the oldest chunk; the time of the slice's oldest row that the lake does not have; dropped chunks

-- name: lock_timeout  (_drop_slice)
SET LOCAL lock_timeout = '5s';

-- name: lock_hit  (_drop_slice)
LOCK TABLE ONLY hit IN SHARE ROW EXCLUSIVE MODE;

-- name: lock_event  (_drop_slice)
LOCK TABLE ONLY event IN SHARE ROW EXCLUSIVE MODE;

-- name: oldest_chunk  (_drop_slice)
SELECT min(range_start) FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = $1::text;

-- name: parts  (_drop_slice)
SELECT part FROM part_offset;

-- name: oldest_unexported_hit  (_drop_slice)
SELECT min(received_at) FROM hit WHERE part = $1 AND batch > $2 AND received_at < $3;

-- name: oldest_unexported_event  (_drop_slice)
SELECT min(ts) FROM event WHERE part = $1 AND batch > $2 AND ts < $3;

-- name: drop_chunks  (_drop_slice)
SELECT drop_chunks($1::text::regclass, $2::timestamptz);
