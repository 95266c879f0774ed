-- what:  the relations that stand beside those of sql.sql, each only where a question needs it
-- takes: in braces, fragments of catalog.py and placeholders; never text of a user
-- gives: relations of the composed statement

-- name: g (beside.before) the goals that rows are of, each with a number; nothing reaches the first
SELECT n.number, n.goal FROM (VALUES (0, CAST('' AS varchar)){goals}) AS n(number, goal)

-- name: goal (beside.before)
, ({number}, CAST({name} AS varchar))

-- name: h (beside.before) the visits that have an event in the range that a filter holds for
SELECT DISTINCT e.visit_id FROM {read} WHERE e.ts >= {low} AND e.ts < {high} AND ({matching})

-- name: r (beside.before) what one unit of a currency is worth in the currency asked for, by UTC day
SELECT n.day, n.currency, CAST(n.factor AS decimal(20, 12)) AS factor FROM (
    SELECT unnest(CAST({days} AS date[])) AS day, unnest(CAST({currencies} AS varchar[])) AS currency,
        unnest(CAST({factors} AS varchar[])) AS factor
) AS n

-- name: k (beside.kept) the rows that are given
SELECT DISTINCT {columns}

-- name: u (beside.after) all visitors that a conversion rate is a part of
SELECT count(DISTINCT e.visitor_id) AS everyone FROM {read} WHERE e.ts >= {low} AND e.ts < {high}{matching}

-- name: c (beside.after) the same by the dimensions, goals aside
SELECT {columns} FROM {read} WHERE e.ts >= {low} AND e.ts < {high}{matching}{grouped}

-- name: s (beside.after) how far down each visitor came, added up by the dimensions
SELECT {names}, count(*) AS scrollers FROM (
    SELECT {columns}, max(e.scroll_percent) AS deepest FROM {read}
    WHERE e.ts >= {low} AND e.ts < {high} AND e.scroll_percent > 0{matching} GROUP BY {by}
) AS n{grouped}

-- name: p (beside.after) pageviews by the dimensions, the page seen in the place of the page left from
SELECT {columns} FROM {read} WHERE e.ts >= {low} AND e.ts < {high} AND e.name = 'pageview'{matching}{grouped}
