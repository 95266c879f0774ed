-- what:  what one euro was worth, by day
-- takes: currencies, days
-- gives: rates; those of a day that are loaded again stand

-- name: staging (rates.load)
CREATE TEMP TABLE loaded (currency text, day date, per_eur numeric) ON COMMIT DROP;

-- name: keep (rates.load)
INSERT INTO exchange_rate (currency, day, per_eur) SELECT currency, day, per_eur FROM loaded
ON CONFLICT (currency, day) DO UPDATE SET per_eur = excluded.per_eur WHERE exchange_rate.per_eur <> excluded.per_eur;

-- name: known (rates.known) those of a range of days, and the last before it
SELECT r.currency, r.day, r.per_eur FROM exchange_rate AS r
WHERE r.currency = ANY($1) AND r.day <= $3 AND r.day >= coalesce(
    (SELECT max(o.day) FROM exchange_rate AS o WHERE o.currency = r.currency AND o.day <= $2), $2
)
ORDER BY r.currency, r.day;
