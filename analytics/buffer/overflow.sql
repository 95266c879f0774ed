-- what:  hits that wait in PostgreSQL, and what the door counted of them
-- takes: the part; encoded hits; how many rows
-- gives: rows in the order they came

-- name: put  (put, give_back)
INSERT INTO overflow (part, pushed_at, hits) VALUES ($1, $2, $3);

-- name: count  (put)
INSERT INTO ledger (minute, site_id, part, outcome, reason, n) VALUES ($1, $2, $3, $4, $5, $6);

-- name: waits_for  (waits_for)
SELECT number FROM unnest($1::int[]) AS number WHERE EXISTS (SELECT FROM overflow WHERE part = number);

-- name: take  (take)
SELECT id, hits FROM overflow WHERE part = $1 ORDER BY id LIMIT $2;

-- name: waiting  (waiting)
SELECT id, hits FROM overflow WHERE part = $1 ORDER BY id;

-- name: answers  (buffer.ready)
SELECT FROM overflow LIMIT 1;
