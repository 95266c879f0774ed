"""The pool behaves as its OpenAPI document says, whatever schemathesis makes of the document."""

from __future__ import annotations

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
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from analytics.ingest import openapi
from analytics.ingest.urls import ASIDES, PROTOCOLS
from tests.hostile.running import OWN, PLAUSIBLE, Pool

pytestmark = pytest.mark.flow
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
Operation = APIOperation[Any, Any, Any, Any]
SCHEMA = schemathesis.openapi.from_dict(openapi.document(PROTOCOLS, ASIDES))
OPERATIONS: list[Operation] = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
DESCRIBED = [operation for operation in OPERATIONS if operation.path in {OWN, PLAUSIBLE} and operation.method == "post"]
"""Those of which the document has all of the body."""


def try_out(pool: Pool, operation: Operation, mode: GenerationMode, most: int) -> list[int]:
    """Send what the document allows, or forbids; the statuses of the answers."""
    statuses = []

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=most, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def send(case: schemathesis.Case[Any]) -> None:
        statuses.append(case.call(base_url=pool.address).status_code)
        for_our_site = _named(case.body)
        if for_our_site is not None:
            case.body = for_our_site
        answer = case.call_and_validate(base_url=pool.address, checks=CHECKS)
        statuses.append(answer.status_code)

    send()
    return statuses


def _named(body: Any) -> Any:
    """The same body for a site that exists."""
    if not isinstance(body, dict):
        return None
    return body | ({"site": "example.com"} if "events" in body or "site" in body else {"d": "example.com"})


def test_every_operation_can_be_tried() -> None:
    assert len(OPERATIONS) == sum(1 for _ in SCHEMA.get_all_operations()) > 100


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.label for operation in OPERATIONS])
def test_every_answer_is_one_that_is_described(pool: Pool, operation: Operation) -> None:
    assert try_out(pool, operation, GenerationMode.POSITIVE, 8)


@pytest.mark.parametrize("operation", DESCRIBED, ids=[operation.label for operation in DESCRIBED])
def test_what_is_described_is_accepted(pool: Pool, operation: Operation) -> None:
    statuses = try_out(pool, operation, GenerationMode.POSITIVE, 60)
    assert statuses.count(202) > 30


@pytest.mark.parametrize("operation", DESCRIBED, ids=[operation.label for operation in DESCRIBED])
def test_what_is_not_described_is_answered_all_the_same(pool: Pool, operation: Operation) -> None:
    statuses = try_out(pool, operation, GenerationMode.NEGATIVE, 60)
    assert 400 in statuses
