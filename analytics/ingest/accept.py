"""One request in, hits in the buffer, one reply out: the door, whatever the protocol."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from analytics import buffer
from analytics.events import NOT_KEPT, Hit, Refusal, Refused
from analytics.ingest import answers, gate, hits
from analytics.ingest.hits import Caller, Door
from analytics.protocols import clean, wire
from analytics.sites import lookup


@dataclass(slots=True)
class _Sorted:
    """What became of the events of a request."""

    outcomes: list[wire.Outcome] = field(default_factory=list)
    parts: dict[int, list[Hit]] = field(default_factory=lambda: defaultdict(list))
    turned_away: Counter[tuple[int, str]] = field(default_factory=Counter)
    """(site, reason) → refusals of which nothing is kept; site 0 stands for no known site."""


def begin(protocol: ModuleType, received: wire.Request, who: Caller, now: dt.datetime) -> Callable[[], wire.Reply]:
    """Accept what is good, refuse what is not. What is given then waits for the disk, and says which.

    Nothing is answered 2xx that is not durable.
    """
    try:
        gate.of_address(who.address, now)
        batch: wire.Batch = protocol.split(received)
        secret_site = _secret_site(batch)
        door = Door(who, now, clean.timestamp(batch.sent_at), secret_site, clean=_is_clean(batch, who))
        found = _sort_out(protocol, batch, door)
        passage = buffer.board(found.parts, now, found.turned_away)
    except Refused as refused:
        passage = buffer.board({}, now, Counter({(0, refused.code.value): 1}))
        reply = functools.partial(_refusal, protocol, received, refused)
    except (buffer.Away, lookup.LookupAway):
        return lambda: answers.TRY_LATER
    else:
        reply = functools.partial(_answer, protocol, received, batch, found.outcomes)
    return functools.partial(_arrive, passage, reply)


def _arrive(passage: buffer.Passage, reply: Callable[[], wire.Reply]) -> wire.Reply:
    try:
        passage.arrive()
    except buffer.Away:
        return answers.TRY_LATER
    return reply()


def _secret_site(batch: wire.Batch) -> int | None:
    """The site whose secret key came with the request. Raises Refused, lookup.LookupAway."""
    if batch.secret:
        site = lookup.secret(batch.secret)
        if site is None:
            raise Refused(Refusal.BAD_KEY, "This secret key is unknown or was revoked.")
        return site
    return lookup.secret(batch.foreign_secret) if batch.foreign_secret else None


def _is_clean(batch: wire.Batch, who: Caller) -> bool:
    """Cheaper than to look at each of many payloads; of few, each is looked at anyway."""
    many = len(batch.events) > 1
    return many and hits.is_clean("\n".join(addressed.payload for addressed in batch.events), who.address)


def _sort_out(protocol: ModuleType, batch: wire.Batch, door: Door) -> _Sorted:
    found = _Sorted()
    per_site = Counter(addressed.site for addressed in batch.events)
    known = {reference: _look_at(reference, protocol, door, n) for reference, n in per_site.items()}
    for index, addressed in enumerate(batch.events):
        site, closed = known[addressed.site]
        try:
            if site is None or closed:
                raise closed or Refused(Refusal.UNKNOWN_SITE, f"No site has the id {addressed.site[:60]!r}.")
            part, made = hits.admit(protocol, addressed.payload, site, door)
            found.parts[part].append(made)
            found.outcomes.append(wire.Outcome(index, visitor_id=made.visitor_id))
        except Refused as refused:
            found.outcomes.append(wire.Outcome(index, refused.code, refused.message))
            if site is None or refused.code in NOT_KEPT:
                found.turned_away[site.id if site else 0, refused.code.value] += 1
            else:
                part = buffer.part_of(site.id, "refused")
                found.parts[part].append(hits.refused(protocol, addressed.payload, site, door, refused))
    return found


def _look_at(
    reference: str, protocol: ModuleType, door: Door, events: int
) -> tuple[lookup.SiteFacts | None, Refused | None]:
    """The site that is meant, and why nothing is taken for it."""
    site = lookup.site(reference, protocol.IDS)
    return site, gate.of_site(site, door, events) if site else None


def _answer(
    protocol: ModuleType, received: wire.Request, batch: wire.Batch, outcomes: Sequence[wire.Outcome]
) -> wire.Reply:
    """The protocol's answer with a receipt. Who comes too fast is told to come again, whatever the protocol."""
    reasons = Counter(outcome.refused for outcome in outcomes if outcome.refused is not None)
    if reasons.total() == len(outcomes) and len(reasons) == 1:
        (code,) = reasons
        if answers.STATUS[code] == 429:
            return _with(_refusal(protocol, received, Refused(code, outcomes[0].message)), answers.receipt(reasons))
    reply: wire.Reply = protocol.answer(received, batch, outcomes)
    return _with(reply, answers.receipt(reasons)) if reasons else reply


def _refusal(protocol: ModuleType, received: wire.Request, refused: Refused) -> wire.Reply:
    status = answers.STATUS[refused.code]
    reply: wire.Reply = protocol.refuse(received, refused, status)
    return _with(reply, answers.receipt({refused.code: 1}) | answers.retry_after(refused.code))


def _with(reply: wire.Reply, headers: Mapping[str, str]) -> wire.Reply:
    return wire.Reply(reply.status, reply.body, reply.content_type, {**reply.headers, **headers})
