-- what:  what staff and alarms look at
-- takes: the tables of exactly_once.sql
-- gives: canary events; the last run of what runs now and then; quick sums of quarantine and of the last hour's books

-- Events that we send ourselves, to see how long they take (pipeline/canary.py).
CREATE TABLE canary (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL,
    sent_at     timestamptz NOT NULL,
    status      smallint,   -- of HTTP; null: no answer
    accepted_at timestamptz,
    visible_at  timestamptz
);
CREATE INDEX canary_by_time ON canary (sent_at);

-- What was last found out by something that runs now and then (store/readings.py).
CREATE TABLE reading (
    name     text             PRIMARY KEY,
    value    double precision NOT NULL,
    taken_at timestamptz      NOT NULL
);

CREATE INDEX quarantine_waiting ON quarantine (reason, site_id, id) INCLUDE (quarantined_at) WHERE readmitted_at IS NULL;

-- The books of the last hour, without a scan of the week.
CREATE INDEX ledger_by_minute ON ledger USING brin (minute) WITH (autosummarize = on);
