-- what:  what was last found out by something that runs now and then
-- takes: a name, a value, when
-- gives: all of them

-- name: keep  (keep)
INSERT INTO reading (name, value, taken_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, taken_at = excluded.taken_at;

-- name: known  (known)
SELECT name, value, taken_at FROM reading ORDER BY name;
