"""Signing in with a user's name and password, not too often."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from rest_framework.exceptions import AuthenticationFailed, Throttled

from analytics.reports import shelf
from analytics.reports.query import BadQuery

MOST_TRIES = 20
"""Of one name, in WINDOW_SECONDS."""
WINDOW_SECONDS = 900


def user(body: dict[str, Any]) -> User:
    """Whose name and password these are. Raises BadQuery, Throttled, AuthenticationFailed."""
    name, password = body.get("username"), body.get("password")
    if not (isinstance(name, str) and isinstance(password, str) and name and password):
        raise BadQuery("username", "send a JSON object with username and password, both texts")
    tried = hashlib.sha256(name.lower().encode(errors="replace")).hexdigest()
    if shelf.count(f"login:{tried}", WINDOW_SECONDS) > MOST_TRIES:
        raise Throttled(WINDOW_SECONDS, "Too many tries with this name; wait a quarter of an hour.")
    found = authenticate(username=name, password=password) if "\0" not in name + password else None
    if not isinstance(found, User):
        raise AuthenticationFailed("Incorrect username or password.")
    return found
