-- what:  the single rows of a batch beside its COPY
-- takes: a hit that failed; the part's new offset; overflow entries that are stored now
-- gives: nothing

-- name: quarantine  (rows)
INSERT INTO quarantine (site_id, hit_id, reason, detail, quarantined_at, hit, part) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (hit_id) DO UPDATE SET
    reason = excluded.reason, detail = excluded.detail, quarantined_at = excluded.quarantined_at,
    readmitted_at = NULL, attempts = quarantine.attempts + 1;

-- name: drop_overflow  (rows)
DELETE FROM overflow WHERE id = ANY($1::bigint[]);

-- name: past_changed  (rows: sites that have new events in a past whose answers are kept)
UPDATE sites_site SET data_version = data_version + 1
FROM (SELECT id FROM sites_site WHERE id = ANY($1::int[]) ORDER BY id FOR UPDATE) AS changed
WHERE sites_site.id = changed.id;

-- name: move_offset  (rows: no row when the part is not at the batch before any more)
INSERT INTO part_offset (part, batch, committed_at, entry_id, epoch, entries, lost, lost_at)
VALUES ($1, $2, $3::timestamptz, $4, $5, $6, $7::bigint, CASE WHEN $7::bigint > 0 THEN $3::timestamptz END)
ON CONFLICT (part) DO UPDATE SET
    batch = excluded.batch, committed_at = excluded.committed_at,
    entry_id = excluded.entry_id, epoch = excluded.epoch, entries = excluded.entries,
    lost = part_offset.lost + excluded.lost, lost_at = coalesce(excluded.lost_at, part_offset.lost_at)
WHERE part_offset.batch = excluded.batch - 1;
