-- what:  what one euro was worth, by day
-- takes: nothing
-- gives: the table that revenue is converted with; loaded by `bin/manage rates load`
CREATE TABLE exchange_rate (
    currency text    NOT NULL,   -- ISO 4217
    day      date    NOT NULL,
    per_eur  numeric NOT NULL CHECK (per_eur > 0),
    PRIMARY KEY (currency, day)
);
