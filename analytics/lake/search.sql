-- what:  hits as received beside their events, in DuckDB
-- takes: files; site, start, end, a name or '', a part of a path or '', a visitor or null, limit, offset
-- gives: rows, newest first

-- name: hits_files  (_view)
SET VARIABLE hit_files = $1;

-- name: events_files  (_view)
SET VARIABLE event_files = $1;

-- name: hits  (_view)
CREATE TEMP VIEW hits AS SELECT * FROM read_parquet(getvariable('hit_files'), hive_partitioning = false);

-- name: events  (_view)
CREATE TEMP VIEW events AS SELECT * FROM read_parquet(getvariable('event_files'), hive_partitioning = false);

-- name: hits_with_events  (_rows)
SELECT h.ts, h.received_at, CAST(h.hit_id AS text) AS hit_id, h.protocol, h.payload, h.user_agent, h.language,
       h.referer, h.ip_prefix, h.refused, h.flags, h.part, h.batch,
       coalesce(e.visitor_id, h.visitor_id) AS visitor_id, e.visit_id, e.name, e.host, e.path, e.title, e.source,
       e.channel, e.country, e.browser, e.os, e.device, e.category, e.props, e.revenue, e.currency, e.ruleset
FROM (SELECT * FROM hits WHERE site_id = $1 AND ts >= $2 AND ts < $3) AS h
LEFT JOIN (SELECT * FROM events WHERE site_id = $1 AND ts >= $2 AND ts < $3) AS e ON e.hit_id = h.hit_id
WHERE ($4 = '' OR e.name = $4)
  AND ($5 = '' OR contains(e.path, $5))
  AND ($6::bigint IS NULL OR coalesce(e.visitor_id, h.visitor_id) = $6::bigint)
ORDER BY h.ts DESC, h.hit_id
LIMIT $7 OFFSET $8;
