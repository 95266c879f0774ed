-- what:  what the pipeline needs to count once, to notice that the buffer lost something, and to settle late events
-- takes: the tables of hypertables.sql
-- gives: event ids by period; the epoch of each part; a quarantine that hits leave again; visitors to be settled

-- Event ids that clients gave, by period, so that old ones go as a whole table. Two periods never run at once: who
-- remembers ids holds a lock on seen_event and then reads the period; who opens the next one locks everybody out.
ALTER TABLE seen_event RENAME TO seen_event_before;
ALTER INDEX seen_event_pkey RENAME TO seen_event_before_pkey;
CREATE TABLE seen_event (
    period   integer NOT NULL,
    site_id  integer NOT NULL,
    event_id uuid    NOT NULL
) PARTITION BY LIST (period);
CREATE TABLE seen_event_1 PARTITION OF seen_event FOR VALUES IN (1);
CREATE UNIQUE INDEX seen_event_1_once ON seen_event_1 (event_id, site_id);
INSERT INTO seen_event (period, site_id, event_id) SELECT 1, site_id, event_id FROM seen_event_before;
DROP TABLE seen_event_before;
CREATE TABLE seen_period (
    period    integer     PRIMARY KEY,
    opened_at timestamptz NOT NULL
);
INSERT INTO seen_period (period, opened_at) VALUES (1, now());

-- epoch: the random name of the stream that entry_id belongs to; entries: how many of its entries are committed.
-- lost: entries of all epochs that vanished before they were taken.
ALTER TABLE part_offset ADD COLUMN epoch text NOT NULL DEFAULT '';
ALTER TABLE part_offset ADD COLUMN entries bigint NOT NULL DEFAULT 0;
ALTER TABLE part_offset ADD COLUMN lost bigint NOT NULL DEFAULT 0;
ALTER TABLE part_offset ADD COLUMN lost_at timestamptz;

-- A hit that is given to its part again stays here, marked, with what was wrong with it.
ALTER TABLE quarantine ADD COLUMN part smallint NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN readmitted_at timestamptz;
CREATE UNIQUE INDEX quarantine_once ON quarantine (hit_id);

-- Visitors with an event that came after later ones of theirs: their visits around it are derived again.
CREATE TABLE unsettled (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id    integer     NOT NULL,
    visitor_id bigint      NOT NULL,
    ts         timestamptz NOT NULL,
    part       smallint    NOT NULL,
    batch      bigint      NOT NULL
);
CREATE INDEX unsettled_by_site ON unsettled (site_id, ts);
