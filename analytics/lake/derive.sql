-- what:  what visits did, a quarter of an hour at a time, out of the events of one day and bucket
-- takes: files of events; the day's first instant and the next day's; in how many parts of visits, and which of them
-- gives: one row per visit and quarter (UTC); the facts of the visit's whole day on one row of it, when all of it is known

-- name: day  (_of_day) the visit's attributes come from this module
WITH stretch AS (
    SELECT site_id, visit_id, visitor_id, visit_started_at, {attributes}, ruleset,
           epoch_us(ts) // 900000000 AS quarter,
           min(ts) AS ts, max(ts) AS last_at,
           CAST(count(*) FILTER (WHERE name = 'pageview') AS integer) AS pageviews,
           CAST(count(*) FILTER (WHERE name <> 'engagement') AS integer) AS events,
           CAST(count(*) FILTER (WHERE interactive AND name NOT IN ('pageview', 'engagement')) AS integer)
               AS interactions,
           CAST(count(*) FILTER (WHERE name = 'engagement') AS integer) AS pings,
           CAST(coalesce(sum(engagement_ms) FILTER (WHERE name = 'engagement'), 0) AS bigint) AS read_ms
    FROM read_parquet($1, hive_partitioning = false)
    WHERE category = '' AND hash(visit_id) % $4 = $5
    GROUP BY ALL
), numbered AS (
    SELECT *, row_number() OVER () AS number FROM stretch
), visit AS (
    SELECT site_id, visit_id, min(number) AS number,
           count(DISTINCT (visitor_id, visit_started_at, {attributes})) = 1
               AND min(visit_started_at) >= $2 AND max(visit_started_at) < $3 AS whole,
           sum(pageviews) AS pageviews, sum(interactions) AS interactions,
           epoch_us(max(last_at)) - epoch_us(min(ts)) AS us
    FROM numbered GROUP BY site_id, visit_id
)
SELECT n.* EXCLUDE (quarter, number),
       NOT v.whole AS open,
       v.whole AND n.number = v.number AS head,
       CASE WHEN head THEN CAST(v.pageviews AS integer) END AS visit_pageviews,
       CASE WHEN head THEN v.pageviews < 2 AND v.interactions = 0 END AS visit_bounced,
       CASE WHEN head THEN v.us END AS visit_us
FROM numbered AS n JOIN visit AS v ON v.site_id = n.site_id AND v.visit_id = n.visit_id
ORDER BY n.site_id, open, head, n.ts, n.visit_id, n.number;
