"""Typed readers of the environment that refuse nonsense. The only place that touches `os.environ`."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def text(name: str, default: str | None = None) -> str:
    """The variable as it is; a sentence naming it when it is missing and has no default."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. bin/up sets it; elsewhere put it into the environment.")
    return value


def number(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """A whole number within bounds."""
    given = text(name, str(default))
    try:
        value = int(given)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {given!r}.") from None
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name} must lie between {least} and {most}, not {value}.")
    return value


def flag(name: str, default: bool = False) -> bool:
    """A yes or no."""
    given = text(name, "yes" if default else "no").lower()
    if given in {"1", "true", "yes", "on"}:
        return True
    if given in {"0", "false", "no", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {given!r}.")


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def networks(name: str, default: str = "") -> list[Network]:
    """A list of networks in CIDR form."""
    try:
        return [ipaddress.ip_network(word) for word in words(name, default)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a list of networks such as 10.0.0.0/8: {error}.") from None


def database(name: str) -> dict[str, object]:
    """Django's database settings of a `postgresql://user:password@host:port/name` URL."""
    try:
        url = urlsplit(text(name))
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must look like postgresql://user:password@host:5432/recount.")
    if url.query or url.fragment:
        raise ImproperlyConfigured(f"{name} takes no options; libpq reads them from PGSSLMODE, PGOPTIONS and the like.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(port or ""),
        "OPTIONS": {"connect_timeout": 3},
    }
