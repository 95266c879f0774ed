-- what:  replacing the events of a range
-- takes: relations new and old (DuckDB); site, range, and the batches committed when the hits were read
-- gives: how many events differ; nothing

-- name: differing  (_differing, in DuckDB)
SELECT count(DISTINCT hit_id) FROM (
    (SELECT * FROM new EXCEPT ALL SELECT * FROM old) UNION ALL (SELECT * FROM old EXCEPT ALL SELECT * FROM new)
);

-- name: changed  (_differing, in DuckDB)
SELECT count(DISTINCT hit_id) FROM (
    (SELECT * EXCLUDE (ruleset) FROM new EXCEPT ALL SELECT * EXCLUDE (ruleset) FROM old)
    UNION ALL
    (SELECT * EXCLUDE (ruleset) FROM old EXCEPT ALL SELECT * EXCLUDE (ruleset) FROM new)
);

-- name: drop_hot  (_replace_hot)
DELETE FROM event
USING unnest($4::int[], $5::bigint[]) AS reached (part, batch)
WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND event.part = reached.part AND event.batch <= reached.batch;
