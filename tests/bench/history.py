"""A year of events, made by DuckDB: one large site among fifty others. All of them go to the lake, the newest ones to
TimescaleDB too, as after an export.

Everything is a hash of a number and a word, so that each run makes the same rows. Visits have several events; pages,
sources, countries and browsers are as unequal as on real sites; two in five visitors come again on a later day.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from analytics.lake import convert, derive, tables
from analytics.store import db

DAYS = 365
OTHERS = 50
OTHERS_SHARE = 0.3
"""Events of all other sites together, for one of the large site."""
EVENTS_PER_VISIT = 3.2
LARGE_SITE = 1_000_001
PARTS = 4
WATERMARK = dict.fromkeys(range(PARTS), 1)
"""Everything was written by the first batch of each part."""

_VISITS = """
CREATE OR REPLACE TEMP TABLE visits AS
WITH numbered AS (
    SELECT range AS n, hash(range, 'visit') AS h FROM range($first::bigint, $last::bigint)
)
SELECT n, CASE WHEN (h >> 3) % 1000 < $others_per_mille THEN $site + 1 + CAST(hash(n, 'site') % $others AS integer)
               ELSE $site END AS site_id,
       -- the day has its hours, and visitors come again
       $start::timestamp + to_days(CAST(n * $days // $total AS integer))
           + to_microseconds(
               CAST((0.5 + 0.5 * pow(2 * ((hash(n, 'hour') % 1000000) / 1e6) - 1, 3)) * 86399e6 AS bigint))
           AS started,
       CAST(CASE WHEN h % 5 < 2 THEN hash(n // 7, 'again') ELSE hash(n, 'visitor') END % 9223372036854775807 AS bigint)
           AS visitor_id,
       CAST(hash(n, 'id') % 9223372036854775807 AS bigint) AS visit_id,
       1 + CAST(floor(-ln((1 + hash(n, 'length') % 1000000) / 1000001.0) * ($mean - 1) * 1.12) AS integer) AS events,
       -- ranks by a power law: rank 0 is the most frequent
       CAST(floor(pow(10000, (hash(n, 'page') % 1000000) / 1e6)) - 1 AS integer) AS page,
       CAST(floor(pow(60, (hash(n, 'source') % 1000000) / 1e6)) - 1 AS integer) AS source,
       CAST(floor(pow(120, (hash(n, 'country') % 1000000) / 1e6)) - 1 AS integer) AS country,
       CAST(floor(pow(12, (hash(n, 'browser') % 1000000) / 1e6)) - 1 AS integer) AS browser,
       hash(n, 'device') % 100 AS device
FROM numbered
"""

_EVENTS = """
WITH e AS (
    SELECT v.*, k, hash(n, k, 'event') AS h,
           CASE WHEN k = 0 THEN page
                ELSE CAST(floor(pow(10000, (hash(n, k, 'next') % 1000000) / 1e6)) - 1 AS integer) END AS landed
    FROM visits AS v, range(v.events) AS t (k)
)
SELECT site_id, started + to_microseconds(k * 37000000 + CAST(h % 20000000 AS bigint) * least(k, 1)) AS ts,
       -- as at the door: milliseconds, the version, chance
       unhex(concat(printf('%012x', epoch_ms(ts)), '7', substr(md5(concat(n, '.', k)), 1, 3), '8',
                    substr(md5(concat(n, '.', k)), 4, 15))) AS hit_id, CAST(NULL AS blob) AS event_id, visitor_id,
       true AS cookieless, visit_id, started AS visit_started_at,
       CASE WHEN h % 100 < 78 OR k = 0 THEN 'pageview' WHEN h % 100 < 90 THEN 'engagement'
            WHEN h % 100 < 97 THEN 'click' ELSE 'purchase' END AS name,
       concat('site', site_id, '.example') AS host, concat('/p/', landed) AS path, concat('Page ', landed) AS title,
       concat('/p/', page) AS entry_path,
       CASE WHEN source = 0 THEN '' ELSE concat('source', source, '.example/') END AS referrer,
       CASE WHEN source = 0 THEN '' ELSE concat('Source ', source) END AS source,
       CASE WHEN source = 0 THEN '' WHEN source < 4 THEN 'organic' ELSE 'referral' END AS medium,
       CASE WHEN source = 0 THEN 'Direct' WHEN source < 4 THEN 'Organic Search' ELSE 'Referral' END AS channel,
       CASE WHEN source % 9 = 5 THEN 'newsletter' ELSE '' END AS utm_source,
       CASE WHEN source % 9 = 5 THEN 'email' ELSE '' END AS utm_medium,
       CASE WHEN source % 9 = 5 THEN concat('week ', CAST(n * 52 // $total AS integer)) ELSE '' END AS utm_campaign,
       '' AS utm_content, '' AS utm_term,
       concat(chr(65 + country % 26), chr(65 + country // 26)) AS country,
       concat(chr(65 + country % 26), chr(65 + country // 26), '-', CAST(hash(n, 'region') % 12 AS integer)) AS region,
       concat('City ', country, '.', CAST(hash(n, 'city') % 40 AS integer)) AS city,
       concat('Browser ', browser) AS browser, CAST(120 + hash(n, 'version') % 20 AS varchar) AS browser_version,
       concat('System ', device % 6) AS os, CAST(10 + hash(n, 'os') % 6 AS varchar) AS os_version,
       CASE WHEN device < 48 THEN 'Desktop' WHEN device < 95 THEN 'Mobile' ELSE 'Tablet' END AS device,
       CASE WHEN device < 48 THEN '1920x1080' ELSE '390x844' END AS screen,
       CASE WHEN country < 3 THEN 'en-GB' ELSE 'de-DE' END AS language,
       name <> 'engagement' AS interactive, CASE WHEN name = 'engagement' THEN CAST(h % 60000 AS integer) ELSE 0 END
           AS engagement_ms, CAST(0 AS integer) AS scroll_percent,
       CASE WHEN name = 'purchase' THEN CAST(5 + (h % 20000) / 100.0 AS decimal(18, 4)) END AS revenue,
       CASE WHEN name = 'purchase' THEN 'EUR' ELSE '' END AS currency,
       CASE WHEN name IN ('click', 'purchase')
            THEN concat('{"plan":"', ['free', 'pro', 'team'][CAST(1 + h % 3 AS bigint)], '","sku":"S-',
                        CAST(h % 400 AS integer), '"}')
            ELSE '{}' END AS props,
       CASE WHEN hash(n, 'bot') % 100 < 4 THEN 'crawler' ELSE '' END AS category,
       CAST(1 AS integer) AS ruleset, CAST(n % $parts AS integer) AS part, CAST(1 AS bigint) AS batch
FROM e ORDER BY site_id, ts
"""


_CSV = """
COPY (SELECT * FROM piece WHERE ts >= $since) TO '{path}' (FORMAT csv, HEADER false)
"""


@dataclass(frozen=True)
class Year:
    """How much is made: about `events` of the large site over `days` before `end`, and those of the others."""

    events: int
    end: dt.datetime
    days: int = DAYS
    pieces: int = 24

    def chunks(self) -> Iterator[pa.Table]:
        """The rows as the lake has them, in pieces of the year, oldest first."""
        total = int(self.events * (1 + OTHERS_SHARE) / EVENTS_PER_VISIT)
        given: dict[str, object] = {
            "site": LARGE_SITE,
            "others": OTHERS,
            "others_per_mille": int(1000 * OTHERS_SHARE / (1 + OTHERS_SHARE)),
            "total": total,
            "days": self.days,
            "mean": EVENTS_PER_VISIT,
            "start": (self.end - dt.timedelta(days=self.days)).replace(tzinfo=None),
        }
        with duckdb.connect(":memory:", config={"threads": 2}) as session:
            for piece in range(self.pieces):
                first, last = total * piece // self.pieces, total * (piece + 1) // self.pieces
                session.execute(_VISITS, given | {"first": first, "last": last})
                found = session.sql(_EVENTS, params={"total": total, "parts": PARTS}).to_arrow_table()
                yield convert.to_lake("events", found)


def load(year: Year, hot_since: dt.datetime, also: Callable[[pa.Table], None] | None = None) -> int:
    """Into the lake, with what is derived there; what is newer than `hot_since` into TimescaleDB too, and each piece to
    `also`; how many rows."""
    rows = 0
    for piece in year.chunks():
        tables.load("events").append(piece, snapshot_properties=tables.watermark_property(WATERMARK))
        _to_timescaledb(piece, hot_since)
        if also:
            also(piece)
        rows += piece.num_rows
    derive.derive()
    return rows


def _to_timescaledb(piece: pa.Table, since: dt.datetime) -> None:
    names = ", ".join(piece.column_names)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as session:
        path = Path(folder, "rows.csv")
        session.register("piece", piece)
        session.execute(_CSV.format(path=path), {"since": since})
        with (
            db.transaction() as cursor,
            path.open("rb") as rows,
            cursor.copy(f"COPY event ({names}) FROM STDIN (FORMAT csv)".encode()) as copying,
        ):
            while block := rows.read(1 << 20):
                copying.write(block)
