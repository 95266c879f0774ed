-- what:  what became of an import
-- takes: the site, and the instant that the import gave its hits as `received_at`
-- gives: how many of them are rows, how many are in quarantine

-- name: outcome  (_outcome)
SELECT (SELECT count(*) FROM hit WHERE site_id = $1 AND received_at = $2::timestamptz AND protocol = 'log'),
       (SELECT count(*) FROM quarantine WHERE site_id = $1 AND quarantined_at >= $2::timestamptz);
