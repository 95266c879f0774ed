"""The dashboard pool answers as its OpenAPI document says, whatever schemathesis makes of the document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from analytics.dashboard.api import schema
from analytics.sites import goals, keys
from analytics.sites.models import ApiKey, Site
from tests import processes

pytestmark = pytest.mark.flow
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
Operation = APIOperation[Any, Any, Any, Any]
SCHEMA = schemathesis.openapi.from_dict(schema.document())
OPERATIONS: list[Operation] = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
DESCRIBED = [operation for operation in OPERATIONS if operation.path.startswith(("/api/v1/s", "/api/v2/"))]


@pytest.fixture
def key(site: Site) -> str:
    key = keys.api_key()
    scopes = ["stats:read", "sites:read", "sites:write"]
    ApiKey.objects.create(organisation=site.organisation, hash=keys.digest(key), scopes=scopes)
    goals.add(site, "event", "Signup")
    return key


@pytest.fixture
def address(environment: dict[str, str], record: Any) -> Iterator[str]:
    record([{"url": "/", "props": {"plan": "pro"}}, {"url": "/pricing"}, {"name": "Signup", "url": "/"}])
    with processes.pool("dashboard", environment, STATS_API_REQUESTS_PER_HOUR="1000000") as found:
        yield found


def try_out(operation: Operation, mode: GenerationMode, address: str, key: str) -> list[int]:
    """Send what the document allows, or forbids, about our site; the statuses of the answers."""
    statuses = []

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def send(case: schemathesis.Case[Any]) -> None:
        if isinstance(case.body, dict) and "site_id" in case.body and mode is GenerationMode.POSITIVE:
            case.body = case.body | {"site_id": "example.com"}
        if "site_id" in (case.query or {}):
            case.query["site_id"] = "example.com"
        headers = {"Authorization": f"Bearer {key}"}
        answer = case.call_and_validate(base_url=address, checks=CHECKS, headers=headers)
        statuses.append(answer.status_code)

    send()
    return statuses


def test_every_answer_is_one_that_is_described(address: str, key: str) -> None:
    assert len(DESCRIBED) >= 10
    found = {operation.label: try_out(operation, GenerationMode.POSITIVE, address, key) for operation in DESCRIBED}
    assert all(found.values())
    assert 200 in found["POST /api/v2/query"]


def test_what_is_not_described_is_refused_without_harm(address: str, key: str) -> None:
    operations = [operation for operation in DESCRIBED if operation.method == "post"]
    statuses = [try_out(operation, GenerationMode.NEGATIVE, address, key) for operation in operations]
    assert all(400 in found for found in statuses)
