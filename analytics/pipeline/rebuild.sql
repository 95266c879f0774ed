-- what:  the state of a part
-- takes: the part; for visits also a moment and a batch number, what is older than both is over
-- gives: its offset, or those of all parts; its recent visits, attributes in the order of events.VisitAttributes

-- name: offset  (offset)
SELECT entry_id, batch, epoch, entries FROM part_offset WHERE part = $1;

-- name: offsets  (offsets)
SELECT part, entry_id, batch, epoch, entries FROM part_offset;

-- name: received_upto  (open_visits: the part, a batch)
SELECT max(received_at) FROM hit WHERE part = $1 AND batch > $2;

-- name: open_visits  (open_visits)
WITH recent AS (
    SELECT * FROM event WHERE part = $1 AND ts > $2
    UNION ALL
    SELECT * FROM event WHERE part = $1 AND ts <= $2 AND batch > $3
)
SELECT site_id, visitor_id, visit_id, visit_started_at, max(ts), category IN ('', 'spam-referrer'),
       entry_path, referrer, source, medium, channel, utm_source, utm_medium, utm_campaign, utm_content, utm_term,
       country, region, city, browser, browser_version, os, os_version, device, screen, language
FROM recent
GROUP BY site_id, visitor_id, visit_id, visit_started_at, category IN ('', 'spam-referrer'),
       entry_path, referrer, source, medium, channel, utm_source, utm_medium, utm_campaign, utm_content, utm_term,
       country, region, city, browser, browser_version, os, os_version, device, screen, language
ORDER BY max(ts);
