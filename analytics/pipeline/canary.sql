-- what:  events that we send ourselves, to see how long they take
-- takes: an event id; when it was sent, answered, seen; the canary's site
-- gives: nothing; ids of events that are not seen yet; ids of those that are stored; what alarms look at

-- name: sent  (send)
INSERT INTO canary (event_id, sent_at) VALUES ($1, $2);

-- name: answered  (send)
UPDATE canary SET status = $2, accepted_at = $3 WHERE event_id = $1;

-- name: open  (look)
SELECT event_id FROM canary WHERE accepted_at IS NOT NULL AND visible_at IS NULL AND sent_at > $1;

-- name: stored  (look: where reports find events)
SELECT event_id FROM event WHERE site_id = $1 AND ts > $2 AND event_id = ANY($3::uuid[]);

-- name: seen  (look)
UPDATE canary SET visible_at = $2 WHERE event_id = ANY($1::uuid[]);

-- name: forget  (forget)
DELETE FROM canary WHERE sent_at < $1;

-- name: last_visible  (state)
SELECT sent_at, extract(epoch FROM visible_at - accepted_at)::float8 FROM canary
WHERE visible_at IS NOT NULL ORDER BY sent_at DESC LIMIT 1;

-- name: waiting  (state)
SELECT min(accepted_at) FROM canary WHERE accepted_at IS NOT NULL AND visible_at IS NULL AND sent_at > $1;

-- name: refused  (state)
SELECT count(*) FROM canary WHERE accepted_at IS NULL AND sent_at > $1;
