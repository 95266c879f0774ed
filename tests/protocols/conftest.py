"""What tests of wire formats can ask for."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def door(settings: Any, stores: None) -> Client:
    """The ingest pool behind one trusted proxy (127.0.0.1)."""
    settings.ROOT_URLCONF = "config.urls_ingest"
    settings.MIDDLEWARE = []
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("127.0.0.1/32")]
    return Client()
