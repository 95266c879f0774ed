"""The OpenAPI document says what is so: every path, every key, every limit, every code."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

import pytest

from analytics.events import Limits, Refusal
from analytics.ingest import openapi
from analytics.ingest.urls import ASIDES, PROTOCOLS, urlpatterns
from analytics.protocols import plausible, recount
from tests.hostile.running import OWN, PLAUSIBLE, Pool

pytestmark = pytest.mark.flow
DOCUMENT = openapi.document(PROTOCOLS, ASIDES)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def test_the_pool_serves_it(pool: Pool) -> None:
    answer = pool.request("GET", "/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == json.loads(json.dumps(DOCUMENT))
    assert answer.json["openapi"] == "3.1.0"
    assert pool.request("POST", "/openapi.json", b"{}").status == 405


@pytest.mark.parametrize(("pattern", "module"), PROTOCOLS, ids=[pattern for pattern, _ in PROTOCOLS])
def test_every_path_of_the_table_is_described_with_its_methods(pattern: str, module: ModuleType) -> None:
    paths = openapi.paths(pattern)
    assert paths
    for path in paths:
        assert re.fullmatch(pattern, path.format(**openapi.EXAMPLES))
        assert {*DOCUMENT["paths"][f"/{path}"]} - {"parameters"} == {*map(str.lower, module.METHODS), "options"}
        assert DOCUMENT["paths"][f"/{path}"][module.METHODS[0].lower()]["tags"] == [module.NAME]


@pytest.mark.parametrize("pattern", [aside[0] for aside in ASIDES])
def test_what_is_no_event_is_described_too(pattern: str) -> None:
    for path in openapi.paths(pattern):
        assert re.fullmatch(pattern, path.format(**openapi.EXAMPLES))
        assert f"/{path}" in DOCUMENT["paths"]


def test_nothing_else_is_described() -> None:
    for path in DOCUMENT["paths"]:
        found = [
            pattern for pattern in urlpatterns[:-1] if pattern.resolve(path.lstrip("/").format(**openapi.EXAMPLES))
        ]
        assert found, path


def test_every_reference_leads_somewhere() -> None:
    names = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DOCUMENT))
    assert len(names) > 10
    assert {*names} <= {*SCHEMAS}
    identifiers = [
        operation["operationId"]
        for item in DOCUMENT["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(identifiers) == len({*identifiers})


def test_every_key_that_is_read_is_described_and_no_other() -> None:
    keys = {
        field: SCHEMAS["recount.Event"]["properties"][field]["description"]
        for field in recount._Event.__struct_fields__
    }
    assert {*SCHEMAS["recount.Event"]["properties"]} == {*keys}
    assert all(keys.values())
    assert {*SCHEMAS["recount.Envelope"]["properties"]} == {*recount._Envelope.__struct_fields__}
    assert {*SCHEMAS["plausible.Event"]["properties"]} == {key for keys in plausible.KEYS.values() for key in keys}


def test_limits_are_those_of_the_code() -> None:
    event, envelope = SCHEMAS["recount.Event"]["properties"], SCHEMAS["recount.Envelope"]["properties"]
    assert event["name"]["maxLength"] == Limits.NAME_CHARS
    assert event["event_id"]["maxLength"] == Limits.ID_CHARS
    assert envelope["events"]["maxItems"] == Limits.EVENTS_PER_REQUEST
    (props,) = (kind for kind in event["props"]["anyOf"] if kind["type"] == "object")
    assert props["maxProperties"] == Limits.PROPS
    assert props["propertyNames"]["maxLength"] == Limits.PROP_KEY_CHARS
    for most in (Limits.URL_CHARS, Limits.TITLE_CHARS, Limits.PROP_VALUE_CHARS, Limits.ID_CHARS):
        assert f"behind {most} characters" in json.dumps(event)


def test_every_code_is_named() -> None:
    codes = SCHEMAS["recount.Error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert {*codes} == {*Refusal} | {"try_later"}


@pytest.mark.parametrize("path", [OWN, PLAUSIBLE])
def test_the_example_is_one(pool: Pool, path: str) -> None:
    (body,) = DOCUMENT["paths"][path]["post"]["requestBody"]["content"].values()
    assert pool.post(json.dumps(body["example"]).encode(), path).status == 202
