-- what:  the shapes of answers about whole visits, out of their stretches (DuckDB alone)
-- takes: in braces, fragments of the catalogue and placeholders; never text of a user
-- gives: the relations that `sql.py` frames

-- name: e (brief.compose) the stretches that are read
SELECT {columns} FROM stretch WHERE site_id = {site} AND ts >= {low} AND ts < {high}

-- name: o (brief.compose) visits that have a stretch of which more may be known elsewhere
SELECT DISTINCT e.visit_id FROM e WHERE e.open

-- name: v (brief.compose) the visits that started in the range, each with its facts: whole ones as they are
SELECT {whole} FROM e ANTI JOIN o ON o.visit_id = e.visit_id
WHERE e.head AND e.started >= {low} AND e.started < {high}{matching}
UNION ALL
SELECT {joined} FROM e SEMI JOIN o ON o.visit_id = e.visit_id
WHERE e.started >= {low} AND e.started < {high}{matching} GROUP BY e.visit_id
