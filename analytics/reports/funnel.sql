-- what:  the relations of a funnel, in the SQL that TimescaleDB and DuckDB share; `e` is that of sql.sql
-- takes: in braces, fragments of catalog.py and placeholders; never text of a user
-- gives: visitors by step, or what they did next

-- name: o (funnel.compose) the events in which a step may be taken: s1, s2 …: that it takes it
SELECT e.visitor_id AS visitor, e.ts AS ts, e.hit_id AS hit, {columns} FROM {read}
WHERE e.ts >= {low} AND e.ts < {high} AND e.name <> 'engagement'{matching}{who}

-- name: who (funnel.compose) those alone who enter: of most events it need not be known which steps they take
 AND e.visitor_id IN (
    SELECT e.visitor_id FROM {read}
    WHERE e.ts >= {low} AND e.ts < {high} AND e.name <> 'engagement'{matching} AND ({enters})
)

-- name: step (funnel.compose) f2, f3 …: that the event takes the step after an earlier one took the step before
SELECT o.*, o.s{number} AND coalesce(
    max(CASE WHEN o.{before} THEN o.ts END) OVER (
        PARTITION BY o.visitor ORDER BY o.ts, o.hit ROWS BETWEEN {back} PRECEDING AND 1 PRECEDING
    ) >= {since}, FALSE
) AS f{number} FROM {relation} AS o

-- name: u (funnel.compose) each visitor with the steps taken
SELECT o.visitor, {steps} FROM {relation} AS o GROUP BY o.visitor

-- name: v (funnel.compose) what each visitor entered with
SELECT DISTINCT ON (o.visitor) o.visitor, {names} FROM {relation} AS o
WHERE {enters} ORDER BY o.visitor, o.ts, o.hit

-- name: whole (funnel.compose) all visitors together
SELECT {counts} FROM u

-- name: groups (funnel.compose) all visitors together, and by what they entered with
SELECT {names}, {counts} FROM u JOIN v USING (visitor)
GROUP BY GROUPING SETS (({names}), ())
ORDER BY grouping({names}) DESC, count(*) DESC, {ties} LIMIT {limit}

-- name: z (funnel.compose_after) each event with that which follows it
SELECT o.*, lead(o.n) OVER (PARTITION BY o.visitor ORDER BY o.ts, o.hit) AS next, {leads} FROM {relation} AS o

-- name: next (funnel.compose_after) what visitors did directly after they first took a step, unless it took the next one
(SELECT {number} AS step, z.next AS next, count(*) AS visitors FROM (
    SELECT DISTINCT ON (z.visitor) z.next, {goes_on} AS goes_on FROM z
    WHERE z.{reached} ORDER BY z.visitor, z.ts, z.hit
) AS z WHERE z.next IS NOT NULL AND NOT z.goes_on
GROUP BY z.next ORDER BY count(*) DESC, z.next COLLATE "C" LIMIT {limit})

-- name: ranked (funnel.compose_after) all steps
SELECT n.step, n.next, n.visitors FROM ({parts}) AS n ORDER BY n.step, n.visitors DESC, n.next COLLATE "C"

-- name: answer (funnel.compose, funnel.compose_after)
WITH {relations} {rows}
