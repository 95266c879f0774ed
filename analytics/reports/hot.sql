-- what:  reading the table event, alone or to complete the lake
-- takes: a site, a window of ts, and for the rest of the lake the parts and their watermarks
-- gives: rows, settings

-- name: settings (hot.answer)
SELECT set_config('statement_timeout', $1, true), set_config('transaction_read_only', 'on', true)

-- name: rulesets (hot.answer) each with the number of its events: all of them, and those that are counted
SELECT ruleset, count(*), count(*) FILTER (WHERE $4 OR category = '')
FROM event WHERE site_id = $1 AND ts >= $2 AND ts < $3 GROUP BY ruleset ORDER BY ruleset

-- name: parts (hot.beyond)
SELECT part FROM part_offset

-- name: beyond (hot.beyond) columns and the parts' conditions come from this module
SELECT {columns} FROM event WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND ({parts})

-- name: part (hot.beyond)
part = {part} AND batch > {batch}
