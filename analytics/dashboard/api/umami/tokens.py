"""The token that a login gives: signed, for a day, and only for as long as the password stays the same."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth.models import User
from django.core import signing

LIFETIME = dt.timedelta(days=1)
_SALT = "recount.umami.login"


def issue(user: User) -> str:
    """A new token of a user."""
    return signing.dumps([user.pk, user.get_session_auth_hash()], salt=_SALT)


def owner(token: str) -> User | None:
    """Whose token it is; None when it is none, too old, or its user is no longer let in."""
    try:
        number, known = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=number, is_active=True).first()
    return user if user and user.get_session_auth_hash() == known else None
