-- what:  marks of late events that wait to be settled (reprocess/settle.py)
-- takes: a site and a span of ts
-- gives: whether there is one

-- name: within  (is_provisional)
SELECT EXISTS (SELECT FROM unsettled WHERE site_id = $1 AND ts >= $2 AND ts < $3);
