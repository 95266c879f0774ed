"""Is the dashboard pool alive, and can it answer?"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from analytics.store import db


def live(_: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", "text/plain")


def ready(_: HttpRequest) -> HttpResponse:
    """TimescaleDB answers."""
    try:
        with db.transaction() as cursor:
            cursor.execute("SELECT 1")
    except db.FAULTS:
        return HttpResponse("TimescaleDB does not answer\n", "text/plain", 503)
    return HttpResponse("ok\n", "text/plain")
