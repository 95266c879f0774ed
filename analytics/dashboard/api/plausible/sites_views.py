"""The Sites API's views: translate, make one call, translate back."""

from __future__ import annotations

from typing import Any, cast

from django.http import QueryDict
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.dashboard.api import base, body
from analytics.dashboard.api.plausible import cursors, sites, sites_schema
from analytics.sites import saved


class _Sites(base.Reading):
    """Bodies are forms or JSON."""

    parser_classes = (FormParser, MultiPartParser, body.AnyJSON)


def _given(request: Request) -> dict[str, Any]:
    """The body's fields, and for those that it lacks the address's."""
    data = request.data
    fields = data.dict() if isinstance(data, QueryDict) else cast("dict[str, Any]", data)
    return {**request.query_params.dict(), **fields}


class Sites(_Sites):
    """The sites of a key."""

    @sites_schema.LIST_SITES
    def get(self, request: Request) -> Response:
        by = sites.key(request, "sites:read")
        found, meta = cursors.page(sites.seen(by), request.query_params.dict())
        return Response({"sites": [sites.as_json(site) for site in found], "meta": meta})

    @sites_schema.ADD_SITE
    def post(self, request: Request) -> Response:
        by = sites.key(request, "sites:write")
        return Response(sites.as_json(sites.add(by, _given(request))))


class Site(_Sites):
    """One site."""

    @sites_schema.GET_SITE
    def get(self, request: Request, site_id: str) -> Response:
        return Response(sites.as_json(sites.one(sites.key(request, "sites:read"), site_id)))

    @sites_schema.RENAME_SITE
    def put(self, request: Request, site_id: str) -> Response:
        found = sites.one(sites.key(request, "sites:write"), site_id)
        return Response(sites.as_json(sites.rename(found, _given(request))))


class Goals(_Sites):
    """The goals of a site."""

    @sites_schema.LIST_GOALS
    def get(self, request: Request) -> Response:
        given = request.query_params.dict()
        site = sites.site_of(sites.key(request, "sites:read"), given)
        found, meta = cursors.page(saved.Goal.objects.filter(site=site), given)
        return Response({"goals": [sites.goal_as_json(goal) for goal in found], "meta": meta})

    @sites_schema.PUT_GOAL
    def put(self, request: Request) -> Response:
        given = _given(request)
        site = sites.site_of(sites.key(request, "sites:write"), given)
        return Response({"domain": site.domain, **sites.goal_as_json(sites.put_goal(site, given))})


class Goal(_Sites):
    """One goal of a site."""

    @sites_schema.DELETE_GOAL
    def delete(self, request: Request, goal_id: str) -> Response:
        site = sites.site_of(sites.key(request, "sites:write"), _given(request))
        sites.goal(site, goal_id).delete()
        return Response({"deleted": "true"})
