"""Umami's calls: translate, make one call, translate back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.dashboard.api import base
from analytics.dashboard.api.umami import (
    access,
    described,
    errors,
    login,
    numbers,
    question,
    rankings,
    tokens,
    websites,
)
from analytics.dashboard.api.umami.question import Asked


class Call(base.Reading):
    """What every call has in common."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (access.TokenOrKey,)

    def get_exception_handler(self) -> Any:
        return errors.handle


class Heartbeat(Call):
    """Whether the pool answers."""

    authentication_classes = ()
    throttle_classes = ()

    def get(self, request: Request) -> Response:
        return Response({"ok": True})


class Login(Call):
    """Name and password → a token."""

    authentication_classes = ()
    throttle_classes = ()

    def get_authenticate_header(self, request: Any) -> str:
        """What is refused here is 401, though nothing is authenticated."""
        return "Bearer"

    def post(self, request: Request) -> Response:
        user = login.user(cast("dict[str, Any]", request.data))
        return Response({"token": tokens.issue(user), "user": websites.user(access.SignedIn(user))})


class Verify(Call):
    """Who asks."""

    def post(self, request: Request) -> Response:
        return self.get(request)

    def get(self, request: Request) -> Response:
        return Response(websites.user(cast("access.Caller", request.auth)))


class Me(Call):
    """Who asks, and by what."""

    def get(self, request: Request) -> Response:
        return Response(websites.me(cast("access.Caller", request.auth)))


class Websites(Call):
    """The websites of whoever asks."""

    def get(self, request: Request) -> Response:
        return Response(websites.page(cast("access.Caller", request.auth), request.query_params.dict()))


class Website(Call):
    """One website."""

    def get(self, request: Request, reference: str) -> Response:
        caller = cast("access.Caller", request.auth)
        return Response(websites.website(access.website(caller, reference), caller))


class OfWebsite(Call):
    """What is asked of a website's state."""

    ask: ClassVar[Callable[..., Any]]

    def get(self, request: Request, reference: str) -> Response:
        site = access.website(cast("access.Caller", request.auth), reference)
        return Response(type(self).ask(site, timezone.now()))


class Active(OfWebsite):
    """Visitors of the last five minutes."""

    ask = numbers.active


class DateRange(OfWebsite):
    """From the first day with an event until now."""

    ask = numbers.date_range


class Numbers(Call):
    """What is asked of a range."""

    schema = described.OfRange()
    ask: ClassVar[Callable[[Asked], Any]]

    def get(self, request: Request, reference: str) -> Response:
        site = access.website(cast("access.Caller", request.auth), reference)
        return Response(type(self).ask(question.read(request.query_params.dict(), site, timezone.now())))


class Stats(Numbers):
    """Totals, and those of the range before."""

    ask = numbers.stats


class Pageviews(Numbers):
    """Pageviews and sessions by time."""

    ask = numbers.pageviews


class Metrics(Numbers):
    """Values of a dimension, most frequent first."""

    ask = rankings.metrics


class ExpandedMetrics(Numbers):
    """Values of a dimension with all totals."""

    ask = rankings.expanded


class Values(Numbers):
    """The ten most frequent values of a dimension."""

    ask = rankings.values


class PropertyValues(Numbers):
    """The most frequent values of a property of custom events."""

    ask = rankings.property_values


class EventSeries(Numbers):
    """Custom events by name and time."""

    ask = numbers.event_series


class EventStats(Numbers):
    """Totals of custom events."""

    ask = numbers.event_stats


class SessionStats(Numbers):
    """Totals of sessions."""

    ask = numbers.session_stats


class Weekly(Numbers):
    """Visitors by weekday and hour."""

    ask = numbers.weekly


class Nothing(Call):
    """A call of Umami's that Recount has no answer to."""

    def get(self, request: Request, reference: str, call: str) -> Response:
        raise NotFound(f"There is no {call[:100]} here; docs/apis/umami.md lists the calls there are.")
