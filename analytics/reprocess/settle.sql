-- what:  marks of late events, and the rows of the hot tier that settling replaces
-- takes: a site, ids of marks, visitors as an array, a span of ts
-- gives: sites with marks; a page of marks of one day; what the hot tier says of some hits; when hits that wait came

-- name: sites  (settle_due)
SELECT DISTINCT site_id FROM unsettled ORDER BY site_id;

-- name: orphans  (settle_due)
DELETE FROM unsettled WHERE NOT EXISTS (SELECT FROM sites_site WHERE id = site_id);

-- name: marks  (_pages: site, the mark to start behind, how many)
SELECT id, visitor_id, ts FROM unsettled
WHERE site_id = $1 AND (ts, id) > ($2::timestamptz, $3::bigint) ORDER BY ts, id LIMIT $4;

-- name: settled  (_replace)
DELETE FROM unsettled WHERE id = ANY ($1::bigint[]);

-- name: hot  (_Page.hot; a subquery is hashed, = ANY would compare with each)
SELECT hit_id, visit_id, visit_started_at FROM event
WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND visitor_id IN (SELECT unnest($4::bigint[]));

-- name: drop_hot  (_replace)
DELETE FROM event WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND hit_id IN (SELECT unnest($4::uuid[]));

-- name: data_changed  (_replace: the site's numbers changed, answers cached before are no longer used)
UPDATE sites_site SET data_version = data_version + 1 WHERE id = $1;

-- name: oldest_overflow  (_written_upto)
SELECT pushed_at FROM overflow ORDER BY id LIMIT 1;

-- name: one_at_a_time  (settle_due)
SELECT pg_try_advisory_xact_lock($1, 0);
