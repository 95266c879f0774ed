-- what:  what the lake does not have yet
-- takes: a part, the batch that the lake reaches, a last batch, a number of rows
-- gives: committed batches by part; where to stop; the rows

-- name: committed  (_upto)
SELECT part, batch FROM part_offset;

-- name: last_hits  (_upto)
SELECT max(batch), count(*) >= $4::int
FROM (SELECT batch FROM hit WHERE part = $1 AND batch > $2 AND batch <= $3 ORDER BY batch LIMIT $4::int) AS next;

-- name: last_events  (_upto)
SELECT max(batch), count(*) >= $4::int
FROM (SELECT batch FROM event WHERE part = $1 AND batch > $2 AND batch <= $3 ORDER BY batch LIMIT $4::int) AS next;

-- name: hits  (_rows)
SELECT * FROM hit WHERE part = $1 AND batch > $2 AND batch <= $3;

-- name: events  (_rows)
SELECT * FROM event WHERE part = $1 AND batch > $2 AND batch <= $3;
