"""Hits that nobody can process, and hits of older and newer versions: T49 to T51, T54, T55.

The door refuses or cleans all of these. They are put past it, as a door of another version may have let them through.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.conf import settings

from tests.chaos import oracle
from tests.chaos.faults import stream
from tests.chaos.trial import Trial

CASES: dict[str, dict[str, Any]] = {
    "payload is no JSON": {"payload": '{"name": "pageview", '},
    "payload is empty": {"payload": ""},
    "no name": {"event": {"name": ""}},
    "protocol that nobody knows": {"protocol": "morse"},
    "NUL in the user agent": {"user_agent": "Mozilla\x00/5.0"},
    "NUL in the address": {"ip_prefix": "81.2.69.0\x00/24"},
    "visitor beyond 64 bits": {"visitor_id": 2**63},
    "site beyond 32 bits": {"site_id": 2**31},
    "a number too large": {"event": {"revenue": {"amount": "1e131072", "currency": "EUR"}}},
    "revenue that overflows": {"event": {"revenue": {"amount": 10**20, "currency": "EUR"}}},
    "too deep": {"payload": "[" * 100_000},
    "a number of 5000 digits": {"payload": '{"name": "pageview", "url": "/", "scroll": ' + "9" * 5000 + "}"},
}
"""What is wrong → fields of the hit. Each has to end in quarantine."""
POSITIONS = ("first", "middle", "last")
FIELDS_OF_LATE = 2
"""Fields at the end that have a default: what is left off them is what an older version sends."""
PAYLOAD = 5
GOOD = 999
AT_ONCE_SECONDS = 20.0


def one_of_a_thousand(trial: Trial) -> None:
    """T49: each kind of poison among sound hits, at the first, the middle and the last place."""
    cases = [(name, position) for name in CASES for position in POSITIONS]
    good = GOOD
    if trial.brief:
        cases, good = trial.moments.sample(cases, 6), 199
    for name, position in cases:
        hits = [stream.hit(trial) for _ in range(good)]
        poison = stream.hit(trial, **CASES[name])
        hits.insert({"first": 0, "middle": good // 2, "last": good}[position], poison)
        stream.push(trial, trial.moments.randrange(settings.BUFFER_PARTS), hits, [poison])
        _goes_soon(f"{name}, {position}")
    trial.note = f"{len(cases)} cases, each among {good} sound hits"


def _goes_soon(what: str) -> None:
    try:
        oracle.drain(AT_ONCE_SECONDS)
    except AssertionError:
        raise AssertionError(f"the writer does not get past it: {what}") from None


def nothing_but_poison(trial: Trial) -> None:
    """T50: a batch of nothing else."""
    names = [trial.moments.choice(list(CASES)) for _ in range(200 if trial.brief else 1000)]
    hits = [stream.hit(trial, **CASES[name]) for name in names]
    stream.push(trial, 0, hits, hits)
    _goes_soon("a batch of nothing but poison")


def lose_quarantine(trial: Trial) -> None:
    """T51: poison, while the quarantine cannot be written: nothing moves on without it, and nothing is lost."""
    sound, poison = stream.hit(trial), stream.hit(trial, payload="{")
    with trial.world.servers.sql() as session:
        session.execute("ALTER TABLE quarantine RENAME TO quarantine_away")
        try:
            stream.push(trial, 1, [sound, poison], [poison])
            those = oracle.waiting()
            trial.pause(2, 6)
            assert not those.is_written(), "the writer went on although the poison could not be kept"
        finally:
            session.execute("ALTER TABLE quarantine_away RENAME TO quarantine")


def mix_versions(trial: Trial) -> None:
    """T54, T55: what older and newer versions have left, in the same entry as today's, is stored."""
    older = [stream.as_list(stream.hit(trial))[:-FIELDS_OF_LATE] for _ in range(50)]
    newer = [[*stream.as_list(stream.hit(trial)), "a field of tomorrow", 17] for _ in range(50)]
    today = [stream.as_list(stream.hit(trial)) for _ in range(50)]
    fields = [*older, *newer, *today]
    trial.moments.shuffle(fields)
    stream.push_raw(2, trial.site.pk, msgspec.msgpack.encode(fields), len(fields))
    trial.sent.pushed.update(stream.number_of_payload(one[PAYLOAD]) for one in fields)
    _goes_soon("older and newer formats")


def unreadable_entries(trial: Trial) -> None:
    """T31, T55: entries without hits, of noise, and hits that no version can read, before sound ones."""
    bad = stream.as_list(stream.hit(trial))
    bad[PAYLOAD] = msgspec.Raw(b"\xa3\xed\xa0\x80")  # a lone surrogate in what has to be UTF-8
    for part in range(settings.BUFFER_PARTS):
        for encoded in (b"", b"noise", msgspec.msgpack.encode({"hits": 1}), msgspec.msgpack.encode([[1, 2]])):
            stream.push_raw(part, trial.site.pk, encoded, 0)
        stream.push_raw(part, trial.site.pk, msgspec.msgpack.encode([bad]), 0)
        stream.push(trial, part, [stream.hit(trial) for _ in range(10)])
    with trial.world.servers.valkey() as valkey:
        for part in range(settings.BUFFER_PARTS):
            valkey.xadd(stream.name(part), {"x": "somebody's"})
    _goes_soon("entries that cannot be read")
    assert all(writer.alive() for writer in trial.world.writers), "a writer ended of what it could not read"
