"""Where a network is, from an mmdb file: GeoLite2/GeoIP2 City and Country, DB-IP, IPinfo and their like."""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import socket
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from analytics.enrich import address

logger = logging.getLogger(__name__)

# Corrupt files show themselves in many ways: the reader's own error, ValueError, text that is no UTF-8 (a
# ValueError), pointers that run in circles, lengths beyond the end, types where another was due.
_CORRUPT = (
    maxminddb.InvalidDatabaseError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


TRIED_NETWORKS = 50_000


class Place(NamedTuple):
    country: str = ""
    """ISO 3166-1 alpha-2."""
    region: str = ""
    """ISO 3166-2, such as `US-CA`."""
    city: str = ""
    """The English name."""


NOWHERE = Place()


class BadDatabase(Exception):
    """The file is no address database that can be relied on; the message says why."""


class Geo:
    """A database in memory: what happens to its file does not touch an open instance."""

    def __init__(self, reader: maxminddb.Reader | None = None) -> None:
        self._reader = reader
        self._ipv6 = reader is not None and reader.metadata().ip_version == 6
        self._reported = False
        self._cached = lru_cache(maxsize=1 << 16)(self._look_up)

    @classmethod
    def load(cls, path: str) -> Geo:
        """A copy of the file, tried before it is used. Raises BadDatabase."""
        reader = _opened(path)
        try:
            places = _try(reader)
        except _CORRUPT as error:
            raise BadDatabase(f"it is corrupt ({error})") from error
        if not places:
            raise BadDatabase("it knows no places")
        return cls(reader)

    @classmethod
    def open(cls, path: str | None) -> Geo:
        """Never raises: without a readable file, one warning and an instance that knows no place."""
        if not path:
            logger.warning("No address database is set: locations stay empty")
            return cls()
        try:
            return cls.load(path)
        except BadDatabase as error:
            logger.warning("The address database %s cannot be read, locations stay empty: %s", path, error)
            return cls()

    def locate(self, ip_prefix: str) -> Place:
        """Of a network such as '203.0.113.0/24' or '2001:db8::/48'; nowhere for '' and what is no network."""
        return self._cached(ip_prefix) if ip_prefix and self._reader else NOWHERE

    def _look_up(self, ip_prefix: str) -> Place:
        first = ip_prefix.partition("/")[0]
        if self._reader is None or (":" in first and not self._ipv6) or not _is_address(first):
            return NOWHERE
        try:
            record = self._reader.get(first)
        except _CORRUPT as error:
            self._report(error)
            return NOWHERE
        return _place(record) if isinstance(record, dict) else NOWHERE

    def _report(self, error: BaseException) -> None:
        if not self._reported:
            self._reported = True
            logger.warning("The address database is corrupt, some locations stay empty: %s", error)


class Followed:
    """The database at a path. A new file there takes the place of the old one; one that is broken or gone does not."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._seen = _signature(path)
        self.geo = Geo.open(path)

    def look_again(self) -> bool:
        """Whether `geo` is another one now. A new file that is broken is told of once."""
        found = _signature(self._path)
        if self._path is None or found is None or found == self._seen:
            return False
        self._seen = found
        try:
            self.geo = Geo.load(self._path)
        except BadDatabase as error:
            logger.error("The new address database %s cannot be read, the old one stays in use: %s", self._path, error)
            return False
        logger.info("A new address database is in use: %s", self._path)
        return True


def _signature(path: str | None) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _opened(path: str) -> maxminddb.Reader:
    """A reader of a copy without a name: it maps its file, and whoever wrote into that would write into the map."""
    try:
        with Path(path).open("rb") as file, open(os.memfd_create("mmdb"), "wb") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            return maxminddb.open_database(f"/proc/self/fd/{copy.fileno()}", maxminddb.MODE_AUTO)
    except OSError as error:
        raise BadDatabase(error.strerror or str(error)) from error
    except _CORRUPT as error:
        raise BadDatabase("it is no MaxMind database, or not all of one") from error


def _try(reader: maxminddb.Reader) -> bool:
    """Whether the first networks have places. Raises one of _CORRUPT when some network does not come out."""
    places = [record for _, record in islice(reader, TRIED_NETWORKS) if isinstance(record, dict) and _place(record)[0]]
    for number in range(1 << 16):
        reader.get(ipaddress.IPv4Address(number << 16))
    if reader.metadata().ip_version == 6:
        for number in range(0x2000, 0x4000):
            reader.get(ipaddress.IPv6Address(number << 112))
    return bool(places)


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def _place(record: dict[str, Any]) -> Place:
    country = _text(record.get("country_code")) or _iso_code(record.get("country"))
    country = country.upper()
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        return NOWHERE
    return Place(country, _region(country, record.get("subdivisions")), _city(record.get("city")))


def _iso_code(country: object) -> str:
    if isinstance(country, dict):
        return _text(country.get("iso_code"))
    return _text(country)


def _region(country: str, subdivisions: object) -> str:
    # DB-IP and IPinfo give names of regions only; a name is no code, and guessing one would mix the two.
    if not isinstance(subdivisions, list) or not subdivisions or not isinstance(subdivisions[0], dict):
        return ""
    code = _text(subdivisions[0].get("iso_code")).upper()
    return f"{country}-{code}" if code else ""


def _city(city: object) -> str:
    if isinstance(city, dict):
        names = city.get("names")
        return _text(names.get("en")) if isinstance(names, dict) else ""
    return _text(city)


def _text(value: object) -> str:
    return address.clean(value) if isinstance(value, str) else ""
