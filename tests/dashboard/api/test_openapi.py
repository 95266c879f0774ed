"""The OpenAPI document of the APIs that read numbers: every address, schemas that hold, examples that run."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from analytics.dashboard.api import schema
from analytics.dashboard.api.plausible import urls
from analytics.sites import create, keys
from analytics.sites.models import ApiKey, Site

DOCUMENT = schema.document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
METHODS = ("get", "post", "put", "delete", "patch")
OPERATIONS = [
    (path, method, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


def validator(given: dict[str, Any]) -> Any:
    """A validator of a schema that may refer to the components."""
    return jsonschema_rs.Draft202012Validator({**given, "components": {"schemas": SCHEMAS}})


@pytest.mark.parametrize("route", urls.urlpatterns, ids=lambda route: route.name)
def test_every_address_is_described_with_its_methods(route: URLPattern) -> None:
    path = "/api/" + re.sub(r"<str:(\w+)>", r"{\1}", str(route.pattern))
    view = route.callback.view_class  # type: ignore[attr-defined]
    methods = {method for method in METHODS if hasattr(view, method)}
    assert {*DOCUMENT["paths"][path]} == methods
    for method in methods:
        described = DOCUMENT["paths"][path][method]
        assert described["security"] == [{"key": []}]
        assert {"200", "400", "401", "429", "503"} <= {*described["responses"]}
        assert all(answer["content"] for answer in described["responses"].values())


def test_every_view_of_every_api_is_described() -> None:
    def methods(patterns: list[Any]) -> int:
        views = [getattr(route.callback, "view_class", None) for route in patterns if isinstance(route, URLPattern)]
        inner = [route for route in patterns if isinstance(route, URLResolver)]
        own = [hasattr(view, name) for view in views if view and issubclass(view, APIView) for name in METHODS]
        return sum(own) + sum(methods(route.url_patterns) for route in inner)

    assert methods(get_resolver("config.urls_dashboard").url_patterns) == len(OPERATIONS)
    assert all(operation["tags"] and operation["responses"]["200"] for _, _, operation in OPERATIONS)


def test_every_reference_leads_somewhere_and_names_are_told_apart() -> None:
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT))
    assert {*names} <= {*SCHEMAS}
    identifiers = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(identifiers) == len({*identifiers}) >= 10


def test_every_schema_is_one() -> None:
    assert [name for name, given in SCHEMAS.items() if not jsonschema_rs.meta.is_valid(given)] == []


@pytest.mark.parametrize(
    "body",
    [
        {"site_id": "a", "metrics": ["visitors"], "date_range": "7d", "what": 1},
        {"site_id": "a", "metrics": [], "date_range": "7d"},
        {"site_id": "a", "metrics": ["likes"], "date_range": "7d"},
        {"site_id": "a", "metrics": ["visitors"], "date_range": "7d", "filters": [["like", "event:page", ["/"]]]},
        {"site_id": "a", "metrics": ["visitors"], "date_range": "7d", "dimensions": ["event:pages"]},
    ],
)
def test_what_the_api_refuses_the_schema_refuses(body: dict[str, Any]) -> None:
    assert not validator({"$ref": "#/components/schemas/Query"}).is_valid(body)


@pytest.mark.database
def test_the_pool_serves_it(client: Client) -> None:
    given = client.get("/api/schema/")
    assert (given.status_code, given.headers["Content-Type"]) == (200, "application/json")
    assert given.json() == json.loads(json.dumps(DOCUMENT))
    assert given.json()["openapi"] == "3.1.0"


@pytest.mark.database
def test_every_example_is_valid_and_runs(site: Site, client: Client) -> None:
    key = keys.api_key()
    scopes = ["stats:read", "sites:read", "sites:write"]
    ApiKey.objects.create(organisation=site.organisation, hash=keys.digest(key), scopes=scopes)
    create.site("new-one.example", organisation=site.organisation)
    ran = 0
    for path, method, operation in OPERATIONS:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in content.get("examples", {}).values():
            validator(content["schema"]).validate(example["value"])
            address = re.sub(r"{(site_id|reference)}", "new-one.example", path)
            body = json.dumps(example["value"])
            headers = {"Authorization": f"Bearer {key}"}
            given = client.generic(method.upper(), address, body, "application/json", headers=headers)
            assert (path, given.status_code, given.json().get("error")) == (path, 200, None)
            validator(operation["responses"]["200"]["content"]["application/json"]["schema"]).validate(given.json())
            ran += 1
    assert ran >= 7
