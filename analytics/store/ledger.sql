-- what:  the books
-- takes: the part whose door counters were entered, and the number of that taking
-- gives: sums by site and outcome; the last taking of each part

-- name: taken  (take_over)
INSERT INTO ledger_taken (part, taken) VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET taken = excluded.taken;

-- name: takings  (taken)
SELECT part, taken FROM ledger_taken;

-- name: sums  (sums)
SELECT site_id, outcome, sum(n) FROM ledger GROUP BY site_id, outcome;

-- name: accepted_since  (accepted_since)
SELECT coalesce(sum(n), 0) FROM ledger WHERE site_id = $1 AND minute >= $2 AND outcome = 'accepted';
