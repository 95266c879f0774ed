-- what:  hits that could not be processed: to be looked at, and to be given to their parts again
-- takes: which ones: ids, site, reason (each null: any); behind or before which id; how many; hits with their event ids
-- gives: rows of quarantine, counts of those that wait there; nothing

-- name: page  (page)
SELECT id, site_id, hit_id, reason, detail, attempts, quarantined_at, readmitted_at, part, hit FROM quarantine
WHERE readmitted_at IS NULL
  AND ($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::int IS NULL OR site_id = $2) AND ($3::text IS NULL OR reason = $3)
  AND ($4::bigint IS NULL OR id < $4)
ORDER BY id DESC LIMIT $5;

-- name: one  (one)
SELECT id, site_id, hit_id, reason, detail, attempts, quarantined_at, readmitted_at, part, hit FROM quarantine
WHERE id = $1;

-- name: reasons  (reasons)
SELECT reason, count(*), max(quarantined_at) FROM quarantine
WHERE readmitted_at IS NULL AND ($1::int IS NULL OR site_id = $1)
GROUP BY reason ORDER BY count(*) DESC, reason;

-- name: flooded  (flooded)
SELECT site_id, count(*) FROM quarantine WHERE readmitted_at IS NULL
GROUP BY site_id HAVING count(*) > $1 ORDER BY count(*) DESC;

-- name: count  (count)
SELECT count(*) FROM quarantine
WHERE readmitted_at IS NULL
  AND ($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::int IS NULL OR site_id = $2) AND ($3::text IS NULL OR reason = $3);

-- name: one_at_a_time  (_give_back_some)
SELECT pg_advisory_xact_lock($1, 0);

-- name: lock  (_give_back_some)
SELECT id, site_id, hit_id, reason, detail, attempts, quarantined_at, readmitted_at, part, hit FROM quarantine
WHERE readmitted_at IS NULL
  AND ($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::int IS NULL OR site_id = $2) AND ($3::text IS NULL OR reason = $3)
  AND id > $4
ORDER BY id LIMIT $5
FOR UPDATE SKIP LOCKED;

-- name: mark  (_give_back_some)
UPDATE quarantine SET readmitted_at = $2 WHERE id = ANY($1::bigint[]);

-- name: hold  (_forget_event_ids)
LOCK TABLE seen_event IN ROW EXCLUSIVE MODE;

-- name: forget  (_forget_event_ids: an id that was remembered long after the hit failed is another hit's)
DELETE FROM seen_event
USING unnest($1::int[], $2::uuid[], $3::timestamptz[]) AS given (site_id, event_id, quarantined_at), seen_period
WHERE seen_event.event_id = given.event_id AND seen_event.site_id = given.site_id
  AND seen_event.period = seen_period.period
  AND (seen_period.period = 1 OR seen_period.opened_at < given.quarantined_at + INTERVAL '1 day');
