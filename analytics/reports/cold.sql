-- what:  the one relation that the composed statements read in DuckDB
-- takes: columns of the catalogue; the variable `files`; the Arrow table `hot`
-- gives: the view event, of this session alone

-- name: lake (cold.answer)
CREATE TEMP VIEW event AS
SELECT {columns} FROM read_parquet(getvariable('files'), hive_partitioning = false)

-- name: hot (cold.answer)
CREATE TEMP VIEW event AS SELECT {hot} FROM hot

-- name: both (cold.answer)
CREATE TEMP VIEW event AS
SELECT {columns} FROM read_parquet(getvariable('files'), hive_partitioning = false)
UNION ALL SELECT {hot} FROM hot

-- name: files (cold.answer)
SET VARIABLE files = $1

-- name: stretches (cold.answer)
SET VARIABLE stretches = $1

-- name: briefly (cold.answer) the columns come from brief.py
CREATE TEMP VIEW stretch AS
SELECT {columns} FROM read_parquet(getvariable('stretches'), hive_partitioning = false)
UNION ALL SELECT {of_events} FROM event WHERE category = ''

-- name: at_length (cold.answer) the columns come from brief.py
CREATE TEMP VIEW stretch AS SELECT {of_events} FROM event WHERE category = ''

-- name: rulesets (cold.answer) the condition comes from the catalogue
SELECT DISTINCT ruleset FROM {relation} WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND {counted} ORDER BY ruleset

-- name: ruleset (cold.answer) one event of that version
SELECT ruleset FROM {relation} WHERE site_id = $1 AND ts >= $2 AND ts < $3 AND {counted} AND ruleset = $4 LIMIT 1

-- name: expression (cold.why_no_expression)
SELECT regexp_matches('', $1)

-- name: words (cold.matching)
SELECT word FROM (SELECT unnest(CAST($1 AS varchar[])) AS word) WHERE regexp_matches(word, $2, $3)
