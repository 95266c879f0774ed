-- what:  the memory of event ids, kept by period (store/exactly_once.sql)
-- takes: ids of a batch; a period
-- gives: the places, from 1, of the ids that were known; the running period and since when; nothing

-- name: hold  (drop_repeats, open_next)
LOCK TABLE seen_event IN ROW EXCLUSIVE MODE;

-- name: period  (drop_repeats, open_next)
SELECT period, opened_at FROM seen_period ORDER BY period DESC LIMIT 1;

-- name: remember  (drop_repeats: parallel arrays of sites and ids in one order, the period)
WITH batch AS MATERIALIZED (
    SELECT * FROM unnest($1::int[], $2::uuid[]) WITH ORDINALITY AS given (site_id, event_id, place)
), fresh AS (
    INSERT INTO seen_event (period, site_id, event_id)
    SELECT $3, site_id, event_id FROM batch
    WHERE NOT EXISTS (
        SELECT FROM seen_event AS earlier
        WHERE earlier.period < $3 AND earlier.event_id = batch.event_id AND earlier.site_id = batch.site_id
    )
    ON CONFLICT DO NOTHING
    RETURNING site_id, event_id
)
SELECT place FROM batch WHERE (site_id, event_id) NOT IN (SELECT site_id, event_id FROM fresh);

-- name: lock_timeout  (open_next)
SET LOCAL lock_timeout = '5s';

-- name: lock  (open_next)
LOCK TABLE seen_event, seen_period IN ACCESS EXCLUSIVE MODE;

-- name: open  (open_next)
INSERT INTO seen_period (period, opened_at) VALUES ($1, $2);

-- name: over  (open_next: the last period to be forgotten)
DELETE FROM seen_period WHERE period <= $1 RETURNING period;

-- name: add  (open_next)
CREATE TABLE {table} PARTITION OF seen_event FOR VALUES IN ({number});

-- name: index  (open_next)
CREATE UNIQUE INDEX ON {table} (event_id, site_id);

-- name: drop  (open_next)
DROP TABLE {table};
