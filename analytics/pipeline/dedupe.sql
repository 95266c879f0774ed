-- what:  the memory of event ids
-- takes: ids of a batch; a moment
-- gives: the ids that were not known; nothing

-- name: remember  (drop_repeats: parallel arrays of sites and ids, now)
INSERT INTO seen_event (site_id, event_id, seen_at)
SELECT site_id, event_id, $3::timestamptz FROM unnest($1::int[], $2::uuid[]) AS batch (site_id, event_id)
ON CONFLICT DO NOTHING
RETURNING site_id, event_id;

-- name: forget  (forget: a moment)
DELETE FROM seen_event WHERE seen_at < $1::timestamptz;
