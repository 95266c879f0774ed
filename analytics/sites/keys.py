"""How keys and ids look, and how secret ones are kept: as SHA-256 of 192 random bits."""

from __future__ import annotations

import hashlib
import re
import secrets

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_ID = re.compile(r"\d+|g-[a-z0-9]{10}|[0-9a-f-]{32,}", re.ASCII)


def measurement_id() -> str:
    """A new `G-…` id."""
    return "G-" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def looks_like_an_id(domain: str) -> bool:
    """Whether a domain reads like an integer id, a `G-…` id or a UUID."""
    return _ID.fullmatch(domain.lower()) is not None


def public_key() -> str:
    """A new public key: it may stand in a page's source."""
    return f"pk_{secrets.token_hex(12)}"


def secret_key() -> str:
    """A new secret key for servers that send events."""
    return f"sk_{secrets.token_hex(24)}"


def api_key() -> str:
    """A new key for reading numbers."""
    return f"ak_{secrets.token_hex(24)}"


def digest(key: str) -> str:
    """What is stored of a secret key."""
    return hashlib.sha256(key.encode()).hexdigest()
