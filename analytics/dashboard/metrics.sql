-- what:  what alarms look at, each in a query that stays quick however much there is
-- takes: since when; how far to count
-- gives: offsets and losses by part, what overflowed and since when, the books by outcome, visitors to be settled

-- name: patience  (_timescaledb)
SET LOCAL statement_timeout = '2s';

-- name: parts  (_parts)
SELECT part, committed_at, lost, lost_at FROM part_offset ORDER BY part;

-- name: overflow  (_overflow)
SELECT count(*) FROM (SELECT FROM overflow LIMIT $1) AS counted;

-- name: overflow_since  (_overflow)
SELECT pushed_at FROM overflow ORDER BY id LIMIT 1;

-- name: books  (_books)
SELECT outcome, sum(n)::bigint FROM ledger WHERE minute >= $1 GROUP BY outcome ORDER BY outcome;

-- name: unsettled  (_unsettled)
SELECT count(*) FROM (SELECT FROM unsettled LIMIT $1) AS counted;
