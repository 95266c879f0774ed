-- what:  which hits are booked already
-- takes: arrays of equal length: ids of hits with when they were received, or with site and event id
-- gives: ids of hits

-- name: kept  (_kept)
SELECT given.hit_id FROM unnest($1::uuid[], $2::timestamptz[]) AS given (hit_id, received_at)
WHERE EXISTS (SELECT FROM hit WHERE hit.hit_id = given.hit_id AND hit.received_at = given.received_at)
   OR EXISTS (SELECT FROM quarantine WHERE quarantine.hit_id = given.hit_id);

-- name: repeats  (_repeats)
SELECT given.hit_id FROM unnest($1::uuid[], $2::int[], $3::uuid[]) AS given (hit_id, site_id, event_id)
WHERE EXISTS (
    SELECT FROM seen_event WHERE seen_event.event_id = given.event_id AND seen_event.site_id = given.site_id
);
