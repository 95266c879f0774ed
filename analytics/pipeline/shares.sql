-- what:  who writes which part, by advisory locks of the session
-- takes: the space of the locks; a part
-- gives: whether a lock was got; how many sessions hold the shared one; the parts that are locked

-- name: join  (settle)
SELECT pg_advisory_lock_shared($1, 0);

-- name: writers  (settle)
SELECT count(DISTINCT pid) FROM pg_locks
WHERE locktype = 'advisory' AND classid = $1::int::oid AND objid = 0 AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- name: locked  (_claim)
SELECT objid::int FROM pg_locks
WHERE locktype = 'advisory' AND classid = $1::int::oid AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database());

-- name: claim  (_claim)
SELECT pg_try_advisory_lock($1, $2);

-- name: give_up  (settle)
SELECT pg_advisory_unlock($1, $2);
