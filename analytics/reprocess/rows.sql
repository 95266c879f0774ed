-- what:  rows that the lake does not have yet
-- takes: site, range, part, the batch the lake reaches, the last batch wanted
-- gives: hits or events of one part; committed batches

-- name: committed  (committed)
SELECT part, batch FROM part_offset;

-- name: hot_hits  (_both; visitors as the text of an array, or null for all of them.
-- The subquery is hashed, = ANY would compare each row with each visitor.)
SELECT * FROM hit WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND part = $4 AND batch > $5 AND batch <= $6
AND ($7::text IS NULL OR visitor_id IN (SELECT unnest($7::text::bigint[])));

-- name: hot_events  (_both; the same)
SELECT * FROM event WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND part = $4 AND batch > $5 AND batch <= $6
AND ($7::text IS NULL OR visitor_id IN (SELECT unnest($7::text::bigint[])));
