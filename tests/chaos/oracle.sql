-- what:  what the hot tier holds of a site, for comparison with what was sent
-- takes: a site; hits that may be under another one
-- gives: paths with hit ids; hit ids; hits in quarantine; hits that the writer called repeats; how far each part is

-- name: events  (examine)
SELECT path, hit_id FROM event WHERE site_id = $1;

-- name: any  (has_stored)
SELECT EXISTS (SELECT FROM event WHERE site_id = $1);

-- name: hits  (examine)
SELECT hit_id FROM hit WHERE site_id = $1 AND refused = '';

-- name: quarantined  (examine)
SELECT hit_id FROM quarantine WHERE (site_id = $1 OR hit_id = ANY ($2)) AND readmitted_at IS NULL;

-- name: duplicates  (examine)
SELECT coalesce(sum(n), 0)::bigint FROM ledger WHERE site_id = $1 AND outcome = 'duplicate';

-- name: offsets  (is_written)
SELECT part, entry_id FROM part_offset;

-- name: overflowed  (is_written)
SELECT count(*) FROM overflow WHERE id <= $1;

-- name: newest_overflow  (waiting)
SELECT coalesce(max(id), 0)::bigint FROM overflow;
