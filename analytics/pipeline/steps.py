"""The order of the pipeline, written once: dedupe → enrich and visits (derive) → write.

When a stream is read again, what was delivered before is dropped first.
"""

from __future__ import annotations

from analytics.pipeline import dedupe, derive, redelivered, visits, write
from analytics.store import db


def run(cursor: db.Cursor, batch: write.Batch, rules: derive.Rules, open_visits: visits.OpenVisits) -> derive.Derived:
    """One batch of a part: its rows, its books and the new offset, all in the caller's transaction."""
    hits = redelivered.drop(cursor, batch.hits) if batch.reread else batch.hits
    fresh, duplicates = dedupe.drop_repeats(cursor, hits)
    derived = derive.derive(fresh, rules, open_visits)
    derived.duplicates = duplicates
    write.rows(cursor, batch, derived)
    return derived
