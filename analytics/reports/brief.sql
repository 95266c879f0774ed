-- what:  the shapes of answers about whole visits, out of their stretches (DuckDB alone)
-- takes: in braces, fragments of the catalogue and placeholders; never text of a user
-- gives: the relations that `sql.py` frames

-- name: e (brief.compose) the stretches that are read
SELECT {columns} FROM stretch WHERE site_id = {site} AND ts >= {low} AND ts < {high}

-- name: o (brief.compose) visits that have a stretch of which more may be known elsewhere
SELECT DISTINCT e.visit_id FROM e WHERE e.open

-- name: v (brief.compose) the visits that started in the range, each with its facts: whole ones as they are.
-- (IS FALSE, IS TRUE: of a plain anti or semi join DuckDB would hash the many stretches and not the few visits.)
SELECT {whole} FROM e
WHERE (e.visit_id IN (SELECT o.visit_id FROM o)) IS FALSE
  AND e.head AND e.started >= {low} AND e.started < {high}{matching}
UNION ALL
SELECT {joined} FROM e
WHERE (e.visit_id IN (SELECT o.visit_id FROM o)) IS TRUE
  AND e.started >= {low} AND e.started < {high}{matching} GROUP BY e.visit_id
