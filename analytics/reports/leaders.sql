-- what:  the groups with the most events, as bounds of their visitors (DuckDB alone)
-- takes: in braces, the relations of sql.sql and placeholders; never text of a user
-- gives: value, events, number of groups

-- name: bounds (leaders.bounds)
WITH e AS NOT MATERIALIZED ({e}), a AS ({a})
SELECT a.d0, a.n, count(*) OVER () AS groups FROM a ORDER BY a.n DESC, a.d0 LIMIT {most}
