"""The Sites API in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from analytics.dashboard.api import openapi
from analytics.dashboard.api.plausible import cursors

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}


def _object(required: Sequence[str], **properties: Json) -> Json:
    return {"type": "object", "required": list(required), "properties": properties}


_META = _object(("after", "before", "limit"), after=_MAYBE, before=_MAYBE, limit={"type": "integer"})
_GOAL: Json = {
    "id": _TEXT,
    "goal_type": {"enum": ["event", "page"]},
    "display_name": _TEXT,
    "event_name": _MAYBE,
    "page_path": _MAYBE,
    "currency": _MAYBE,
    "custom_props": {"type": "object", "additionalProperties": _TEXT},
    "scroll_threshold": {"type": "integer"},
    "domain": _TEXT,
}
COMPONENTS: Json = {
    "Site": _object(("domain", "timezone"), domain=_TEXT, timezone=_TEXT),
    "Goal": _object(("id", "goal_type", "display_name", "event_name", "page_path"), **_GOAL),
    "Sites": _object(("sites", "meta"), sites={"type": "array", "items": openapi.reference("Site")}, meta=_META),
    "Goals": _object(("goals", "meta"), goals={"type": "array", "items": openapi.reference("Goal")}, meta=_META),
    "Deleted": _object(("deleted",), deleted={"const": "true"}),
    "NewSite": _object(("domain",), domain=_TEXT, timezone={"type": "string", "default": "Etc/UTC"}),
    "NewDomain": _object(("domain",), domain=_TEXT),
    "NewGoal": _object(
        ("site_id", "goal_type"),
        site_id=_TEXT,
        goal_type={"enum": ["event", "page"]},
        event_name={"type": "string", "description": "What reaches a goal of the type event."},
        page_path={"type": "string", "description": "What reaches a goal of the type page; * and ** are wild."},
        display_name=_TEXT,
        currency={"type": "string", "description": "ISO 4217; what its revenue is shown in."},
        custom_props={"type": "object", "additionalProperties": _TEXT, "maxProperties": 10},
    ),
}
_PAGES = [
    openapi.in_query("after", "The cursor of the next page."),
    openapi.in_query("before", "The cursor of the page before."),
    openapi.in_query("limit", f"1 to {cursors.MOST_ROWS}, by default {cursors.ROWS}.", type=int),
]
_SITE = openapi.in_query("site_id", "The domain of the site, or another of its ids.", required=True)


def _described(
    name: str, summary: str, answer: str, body: tuple[str, Json] | None = None, parameters: Any = ()
) -> openapi.Described:
    scope = "sites:read" if name.startswith(("list", "get")) else "sites:write"
    request = {} if body is None else {
        kind: openapi.reference(body[0]) for kind in ("application/json", "multipart/form-data")
    }  # fmt: skip
    examples = [] if body is None else [OpenApiExample(name, body[1], request_only=True)]
    given: list[OpenApiParameter] = [*parameters, *openapi.LEFT]
    return extend_schema(
        operation_id=name,
        tags=["Sites API"],
        summary=summary,
        description=f"Needs the scope `{scope}`.",
        parameters=given,
        request=request or None,
        responses=openapi.answers(openapi.reference(answer), summary, 403, 404),
        examples=examples,
    )


LIST_SITES = _described("list_sites", "The sites that the key sees", "Sites", parameters=_PAGES)
ADD_SITE = _described(
    "add_site", "Make a site; with a key of the whole organisation", "Site",
    ("NewSite", {"domain": "new.example", "timezone": "Europe/Tallinn"}),
)  # fmt: skip
GET_SITE = _described("get_site", "One site", "Site")
RENAME_SITE = _described(
    "rename_site", "Give a site another domain; the old one stays known", "Site",
    ("NewDomain", {"domain": "newer.example"}),
)  # fmt: skip
LIST_GOALS = _described("list_goals", "The goals of a site", "Goals", parameters=[_SITE, *_PAGES])
PUT_GOAL = _described(
    "put_goal", "Find a goal, or make it", "Goal",
    ("NewGoal", {"site_id": "example.com", "goal_type": "event", "event_name": "Signup"}),
)  # fmt: skip
DELETE_GOAL = _described("delete_goal", "Delete a goal", "Deleted", parameters=[_SITE])
