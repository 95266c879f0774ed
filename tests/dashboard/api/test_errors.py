"""Whose fault it is that there is no answer."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, DataError, OperationalError

from analytics.dashboard.api import errors


@pytest.mark.parametrize(
    ("error", "status"), [(DataError("NUL"), 400), (OperationalError("gone"), 503), (DatabaseError("?"), 503)]
)
def test_a_value_that_cannot_be_stored_is_no_outage(error: Exception, status: int) -> None:
    response = errors.handle(error, {})
    assert response is not None
    assert response.status_code == status
    assert ("Retry-After" in response.headers) == (status == 503)
