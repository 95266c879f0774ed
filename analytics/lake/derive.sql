-- what:  what visits did, a quarter of an hour at a time, out of the events of one day and bucket
-- takes: files of events; the day's first instant and the next day's
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
    WHERE category = ''
    GROUP BY ALL
), placed AS (
    SELECT * EXCLUDE (quarter),
           count(*) OVER visit = count(*) OVER alike AND visit_started_at >= $2 AND visit_started_at < $3 AS whole,
           row_number() OVER (PARTITION BY site_id, visit_id ORDER BY ts, ruleset) = 1 AS leads,
           sum(pageviews) OVER visit AS all_pageviews,
           sum(interactions) OVER visit AS all_interactions,
           epoch_us(max(last_at) OVER visit) - epoch_us(min(ts) OVER visit) AS all_us
    FROM stretch
    WINDOW visit AS (PARTITION BY site_id, visit_id),
           alike AS (PARTITION BY site_id, visit_id, visitor_id, visit_started_at, {attributes})
)
SELECT * EXCLUDE (whole, leads, all_pageviews, all_interactions, all_us),
       NOT whole AS open,
       whole AND leads AS head,
       CASE WHEN head THEN CAST(all_pageviews AS integer) END AS visit_pageviews,
       CASE WHEN head THEN all_pageviews < 2 AND all_interactions = 0 END AS visit_bounced,
       CASE WHEN head THEN all_us END AS visit_us
FROM placed
ORDER BY site_id, open, head, ts, visit_id;
