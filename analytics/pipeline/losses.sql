-- what:  the offset of a part where no batch moves it, and what the part lost
-- takes: the part; its batch; where its stream goes on; how many entries vanished, and when that was noticed
-- gives: parts that lost something

-- name: move  (move: no row when the part is not at the batch any more)
INSERT INTO part_offset (part, batch, entry_id, epoch, entries) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (part) DO UPDATE SET
    entry_id = excluded.entry_id, epoch = excluded.epoch, entries = excluded.entries
WHERE part_offset.batch = excluded.batch;

-- name: keep  (keep)
UPDATE part_offset SET lost = lost + $2, lost_at = $3 WHERE part = $1;

-- name: known  (known)
SELECT part, lost, lost_at FROM part_offset WHERE lost_at IS NOT NULL ORDER BY part;
