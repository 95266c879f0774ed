-- what:  the one relation that the composed statements read in DuckDB
-- takes: columns of the catalogue; the variable `files`; the Arrow table `hot`
-- gives: the view event, of this connection alone

-- name: lake (duck.answer)
CREATE TEMP VIEW event AS
SELECT {columns} FROM read_parquet(getvariable('files'), hive_partitioning = false)

-- name: hot (duck.answer)
CREATE TEMP VIEW event AS SELECT {columns} FROM hot

-- name: both (duck.answer)
CREATE TEMP VIEW event AS
SELECT {columns} FROM read_parquet(getvariable('files'), hive_partitioning = false)
UNION ALL SELECT {columns} FROM hot

-- name: files (duck.answer)
SET VARIABLE files = $1

-- name: rulesets (duck.answer)
SELECT DISTINCT ruleset FROM event WHERE site_id = $1 AND ts >= $2 AND ts < $3 ORDER BY ruleset

-- name: folders (duck._database)
SET allowed_directories = $1

-- name: walled (duck._database)
SET enable_external_access = false

-- name: locked (duck._database)
SET lock_configuration = true
