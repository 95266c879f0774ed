"""What `bin/manage quarantine` can do: the arguments of each action, the call it makes, and how its answer is told."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable

import msgspec
from django.core.management.base import CommandError
from django.utils import timezone

from analytics.management import sites
from analytics.management.actions import Action, Facts, Options
from analytics.pipeline import quarantine
from analytics.store import db, ledger

LISTED = 50
UNREADABLE = "cannot be read by this version of Recount; what is kept of it stays"


def printable(value: object) -> str:
    """Text that visitors sent, without what a terminal obeys."""
    text = str(value)
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def _choice_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--site", help="only hits of this site: any id of it, or its number when it does not exist")
    parser.add_argument("--reason", help="only hits with this reason")


def _wanted(options: Options) -> quarantine.Wanted:
    ids = options.get("ids")
    site = options["site"]
    return quarantine.Wanted(tuple(ids) if ids else None, None if site is None else _site(site), options["reason"])


def _site(reference: str) -> int:
    """A hit may be in quarantine because its site does not exist."""
    if reference.isascii() and reference.isdigit() and len(reference) < 10:
        return ledger.bookable(int(reference))
    return int(sites.named(reference).pk)


# --- list ---


def _list_arguments(parser: ArgumentParser) -> None:
    _choice_arguments(parser)
    parser.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"how many; default: {LISTED}")


def _list(options: Options) -> Facts:
    wanted = _wanted(options)
    with db.transaction() as cursor:
        reasons = quarantine.reasons(cursor, wanted.site_id)
    found = [
        {
            "id": row.id,
            "site_id": row.site_id,
            "quarantined_at": row.quarantined_at,
            "attempts": row.attempts,
            "reason": row.reason,
            "detail": row.detail,
        }
        for row in quarantine.page(wanted, max(0, options["limit"]))
    ]
    return {"hits": found, "reasons": {one.reason: one.hits for one in reasons if wanted.reason in (None, one.reason)}}


def _listed(found: Facts) -> Iterable[str]:
    if not found["reasons"]:
        yield "Nothing is in quarantine."
        return
    for row in found["hits"]:
        attempts = f"attempt {row['attempts']}"
        told = f"{row['id']:>8}  {row['quarantined_at']:%Y-%m-%d %H:%M:%S}  site {row['site_id']:<6} {attempts:11}"
        yield f"{told} {row['reason']}: {printable(row['detail'])}"
    yield ""
    yield from (f"{hits:>8}  {reason}" for reason, hits in found["reasons"].items())


# --- show ---


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=int, help="its number in the list")


def _show(options: Options) -> Facts:
    row = quarantine.one(options["id"])
    if row is None:
        raise CommandError(f"Nothing has the number {options['id']}; `bin/manage quarantine list` shows what there is.")
    names = ("id", "site_id", "hit_id", "reason", "detail", "attempts", "quarantined_at", "readmitted_at", "part")
    hit = row.hit
    return {name: getattr(row, name) for name in names} | {"hit": msgspec.structs.asdict(hit) if hit else None}


def _shown(facts: Facts) -> Iterable[str]:
    for name, value in facts.items():
        if name != "hit":
            yield f"{name.replace('_', ' '):20} {'-' if value is None else printable(value)}"
    yield ""
    yield "The hit, as it was received:" if facts["hit"] else f"The hit {UNREADABLE}."
    for name, value in (facts["hit"] or {}).items():
        if value not in (None, ""):
            yield f"{name.replace('_', ' '):20} {printable(value)}"


# --- readmit ---


def _readmit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", type=int, metavar="ID", help="their numbers in the list")
    _choice_arguments(parser)
    parser.add_argument("--all", action="store_true", help="everything that is in quarantine")
    parser.add_argument("--dry-run", action="store_true", help="only say how many that would be")


def _readmit(options: Options) -> Facts:
    wanted = _wanted(options)
    if options["all"] == (wanted != quarantine.Wanted()):
        raise CommandError("Say which hits: their numbers, --site and --reason, or else --all.")
    if options["dry_run"]:
        return {"dry_run": True, "hits": quarantine.count(wanted), "unreadable": []}
    done = quarantine.give_back(wanted, timezone.now())
    return {"dry_run": False, "hits": done.hits, "unreadable": list(done.unreadable)}


def _readmitted(facts: Facts) -> Iterable[str]:
    hits = f"{facts['hits']} hit{'' if facts['hits'] == 1 else 's'}"
    if facts["dry_run"]:
        yield f"{hits} would be readmitted."
        return
    yield f"{hits} readmitted; the writers take them now. What fails again is back in the list, with one more attempt."
    for number in facts["unreadable"]:
        yield f"{number} {UNREADABLE}."


ACTIONS = {
    "list": Action("show the newest hits in quarantine, and how many there are", _list_arguments, _list, _listed),
    "show": Action("show one in full", _show_arguments, _show, _shown),
    "readmit": Action(
        "let the pipeline try again, when what was wrong is right", _readmit_arguments, _readmit, _readmitted
    ),
}
