-- what:  the shapes of which sql.py composes the one text that TimescaleDB and DuckDB both run
-- takes: in braces, fragments of catalog.py and placeholders; never text of a user
-- gives: one row per combination of dimensions: d0, d1 …, m0, m1 …, total

-- name: e (sql.compose) the events that are read
SELECT {columns} FROM event WHERE site_id = {site} AND ts >= {low} AND ts < {high}{counted}

-- name: x (sql.compose) the page of each visit's last pageview
SELECT e.visit_id, {last} AS exit_path FROM e
WHERE e.name = 'pageview' AND e.started >= {low} AND e.started < {high} GROUP BY e.visit_id

-- name: t (sql.compose) all visitors under the same filters
SELECT count(DISTINCT e.visitor_id) AS everyone FROM {read} WHERE e.ts >= {low} AND e.ts < {high}{matching}

-- name: a (sql.compose) what is counted of events
SELECT {columns} FROM {read} WHERE e.ts >= {low} AND e.ts < {high}{matching}{grouped}

-- name: v (sql.compose) the visits that started in the range, each with its facts
SELECT {columns} FROM {read} WHERE e.started >= {low} AND e.started < {high}{matching} GROUP BY e.visit_id

-- name: w (sql.compose) which visit has an event with which values; a visit counts once in each
SELECT DISTINCT {columns} FROM {read} WHERE e.started >= {low} AND e.started < {high}{matching}

-- name: b (sql.compose) what is counted of visits
SELECT {columns} FROM {visits}{grouped}

-- name: answer (sql.compose)
WITH {relations} SELECT {columns} FROM {sides} ORDER BY {order}{page}
