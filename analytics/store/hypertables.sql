-- what:  every table of the hot tier that is not a Django model
-- takes: an empty database that has the extension timescaledb (Apache-2 edition is enough)
-- gives: hypertables hit and event, and the books of the pipeline
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- One row per event as received; immutable. See events.Hit.
CREATE TABLE hit (
    site_id      integer     NOT NULL,
    hit_id       uuid        NOT NULL,
    received_at  timestamptz NOT NULL,
    ts           timestamptz NOT NULL,
    protocol     text        NOT NULL,
    payload      text        NOT NULL,
    user_agent   text        NOT NULL,
    client_hints text        NOT NULL,
    language     text        NOT NULL,
    referer      text        NOT NULL,
    ip_prefix    text        NOT NULL,
    visitor_id   bigint      NOT NULL,
    cookieless   boolean     NOT NULL,
    event_id     uuid,
    refused      text        NOT NULL,
    flags        text        NOT NULL,
    part         smallint    NOT NULL,
    batch        bigint      NOT NULL
);
SELECT create_hypertable('hit', by_range('received_at', INTERVAL '1 day'), create_default_indexes => false);
CREATE UNIQUE INDEX hit_once ON hit (hit_id, received_at);
CREATE INDEX hit_by_batch ON hit (part, batch);
CREATE INDEX hit_by_site ON hit (site_id, ts);

-- One row per counted or classified event; append-only, derived. See events.Event.
CREATE TABLE event (
    site_id          integer     NOT NULL,
    ts               timestamptz NOT NULL,
    hit_id           uuid        NOT NULL,
    event_id         uuid,
    visitor_id       bigint      NOT NULL,
    cookieless       boolean     NOT NULL,
    visit_id         bigint      NOT NULL,
    visit_started_at timestamptz NOT NULL,
    name             text        NOT NULL,
    host             text        NOT NULL,
    path             text        NOT NULL,
    title            text        NOT NULL,
    entry_path       text        NOT NULL,
    referrer         text        NOT NULL,
    source           text        NOT NULL,
    medium           text        NOT NULL,
    channel          text        NOT NULL,
    utm_source       text        NOT NULL,
    utm_medium       text        NOT NULL,
    utm_campaign     text        NOT NULL,
    utm_content      text        NOT NULL,
    utm_term         text        NOT NULL,
    country          text        NOT NULL,
    region           text        NOT NULL,
    city             text        NOT NULL,
    browser          text        NOT NULL,
    browser_version  text        NOT NULL,
    os               text        NOT NULL,
    os_version       text        NOT NULL,
    device           text        NOT NULL,
    screen           text        NOT NULL,
    language         text        NOT NULL,
    interactive      boolean     NOT NULL,
    engagement_ms    integer     NOT NULL,
    scroll_percent   smallint    NOT NULL,
    revenue          numeric(18, 4),
    currency         text        NOT NULL,
    props            jsonb       NOT NULL,
    category         text        NOT NULL,
    ruleset          integer     NOT NULL,
    part             smallint    NOT NULL,
    batch            bigint      NOT NULL
);
SELECT create_hypertable('event', by_range('ts', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX event_by_site ON event (site_id, ts);
CREATE INDEX event_by_batch ON event (part, batch);

-- How far each part of the buffer is in the tables; moved in the transaction that writes the rows.
CREATE TABLE part_offset (
    part         smallint    PRIMARY KEY,
    entry_id     text        NOT NULL DEFAULT '0-0',
    batch        bigint      NOT NULL DEFAULT 0,
    committed_at timestamptz NOT NULL DEFAULT now()
);

-- Event ids that clients gave, for as long as a repeat must be known.
CREATE TABLE seen_event (
    site_id  integer     NOT NULL,
    event_id uuid        NOT NULL,
    seen_at  timestamptz NOT NULL,
    PRIMARY KEY (site_id, event_id)
);
CREATE INDEX seen_event_by_age ON seen_event USING brin (seen_at);

-- Hits that could not be processed, whole (msgpack of events.Hit).
CREATE TABLE quarantine (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id        integer     NOT NULL,
    hit_id         uuid        NOT NULL,
    reason         text        NOT NULL,
    detail         text        NOT NULL,
    attempts       integer     NOT NULL DEFAULT 1,
    quarantined_at timestamptz NOT NULL,
    hit            bytea       NOT NULL
);
CREATE INDEX quarantine_by_site ON quarantine (site_id, quarantined_at);

-- The books, append-only: sum n. Outcomes of the door: accepted, refused; of the writer: stored, duplicate, quarantined, refusal kept.
CREATE TABLE ledger (
    minute  timestamptz NOT NULL,
    site_id integer     NOT NULL,
    part    smallint    NOT NULL,
    outcome text        NOT NULL,
    reason  text        NOT NULL DEFAULT '',
    n       bigint      NOT NULL
);
SELECT create_hypertable('ledger', by_range('minute', INTERVAL '7 days'), create_default_indexes => false);
CREATE INDEX ledger_by_site ON ledger (site_id, minute);

-- Which of the door's counters have been entered in the ledger (see store/ledger.py).
CREATE TABLE ledger_taken (
    part  smallint PRIMARY KEY,
    taken bigint   NOT NULL
);

-- Entries of the door while the buffer is away; the writer of the part deletes what it stores.
CREATE TABLE overflow (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    part      smallint    NOT NULL,
    pushed_at timestamptz NOT NULL,
    hits      bytea       NOT NULL
);
CREATE INDEX overflow_by_part ON overflow (part, id);
