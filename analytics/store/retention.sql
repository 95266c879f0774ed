-- what:  retention by whole chunks
-- takes: a part and the batch that the lake reaches; a table and a moment
-- gives: the time of the part's oldest row that the lake does not have; the names of the dropped chunks

-- name: parts  (drop_before)
SELECT part FROM part_offset;

-- name: oldest_unexported_hit  (drop_before)
SELECT min(received_at) FROM hit WHERE part = $1 AND batch > $2;

-- name: oldest_unexported_event  (drop_before)
SELECT min(ts) FROM event WHERE part = $1 AND batch > $2;

-- name: drop_chunks  (drop_before)
SELECT drop_chunks($1::text::regclass, $2::timestamptz);
