from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from analytics.enrich import geo
from analytics.enrich.geo import NOWHERE, Geo, Place
from tests import shared

FOLDER = "data/geoip_maxmind_test"
NETWORKS = (
    "",
    "2.125.160.216/29",
    "81.2.69.142/24",
    "1.1.1.0/24",
    "2001:db8::/48",
    "2001:218::/32",
    "::1",
    "x",
)


def _first_answers(name: str) -> dict[str, dict[str, Any]]:
    """Network → record, the source of a test database; IPv4 in IPv6 notation left out."""
    records: dict[str, dict[str, Any]] = {}
    for entry in shared.read_json(f"{FOLDER}/{name}.json"):
        records.update(entry)
    return records


def test_gives_the_places_of_the_city_database() -> None:
    places = Geo.open(str(shared.path(f"{FOLDER}/GeoLite2-City-Test.mmdb")))
    records = _first_answers("GeoLite2-City-Test")
    assert len(records) > 200
    for network, record in records.items():
        country = record.get("country", {}).get("iso_code", "")
        subdivision = (record.get("subdivisions") or [{}])[0].get("iso_code", "")
        expected = Place(
            country,
            f"{country}-{subdivision}" if country and subdivision else "",
            record.get("city", {}).get("names", {}).get("en", "") if country else "",
        )
        assert places.locate(network) == expected, network


def test_gives_the_countries_of_the_country_database() -> None:
    places = Geo.open(str(shared.path(f"{FOLDER}/GeoLite2-Country-Test.mmdb")))
    for network, record in _first_answers("GeoLite2-Country-Test").items():
        assert places.locate(network) == Place(record.get("country", {}).get("iso_code", "")), network


def test_gives_known_places() -> None:
    places = Geo.open(str(shared.path(f"{FOLDER}/GeoIP2-City-Test.mmdb")))
    assert places.locate("81.2.69.142/32") == Place("GB", "GB-ENG", "London")
    assert places.locate("216.160.83.56/29") == Place("US", "US-WA", "Milton")
    assert places.locate("2001:480:10::/48") == Place("US", "US-CA", "San Diego")


@pytest.mark.parametrize(
    "network", ["", "0.0.0.0/24", "nonsense", "300.1.1.0/24", "2001:db8::/48", "/24", "10.0.0.0/24"]
)
def test_places_without_a_record_are_nowhere(network: str) -> None:
    places = Geo.open(str(shared.path(f"{FOLDER}/GeoLite2-City-Test.mmdb")))
    assert places.locate(network) == NOWHERE


def test_knows_nothing_and_warns_once_without_a_file(caplog: pytest.LogCaptureFixture) -> None:
    for path in (None, "", "/nowhere/at/all.mmdb"):
        caplog.clear()
        places = Geo.open(path)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert {places.locate(network) for network in NETWORKS} == {NOWHERE}
        assert len(caplog.records) == 1


def test_a_corrupt_file_gives_no_place_and_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    folder = shared.path(f"{FOLDER}/bad-data")
    files = sorted(folder.glob("*.mmdb"))
    assert len(files) > 15
    for file in files:
        caplog.clear()
        places = Geo.open(str(file))
        assert {places.locate(network) for network in NETWORKS} == {NOWHERE}, file.name
        assert len(caplog.records) <= 1, file.name


def test_a_damaged_city_database_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("GeoIP2-City-Test-Broken-Double-Format", "GeoIP2-City-Test-Invalid-Node-Count"):
        places = Geo.open(str(shared.path(f"{FOLDER}/{name}.mmdb")))
        for network in _first_answers("GeoLite2-City-Test"):
            assert isinstance(places.locate(network), Place)
    assert len(caplog.records) <= 2


LONDON = "81.2.69.0/24"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A city database, followed from a place where it can be replaced."""
    return Path(shutil.copy(shared.path(f"{FOLDER}/GeoLite2-City-Test.mmdb"), tmp_path / "places.mmdb"))


def test_a_new_database_takes_the_place_of_the_old_one(file: Path) -> None:
    followed = geo.Followed(str(file))
    assert followed.geo.locate("81.2.69.142/32") == Place("GB", "GB-ENG", "London")
    assert followed.look_again() is False
    shutil.copy(shared.path(f"{FOLDER}/GeoLite2-Country-Test.mmdb"), file)
    assert followed.geo.locate("81.2.69.160/32") == Place("GB", "GB-ENG", "London")
    assert followed.look_again() is True
    assert followed.geo.locate("81.2.69.142/32") == Place("GB")
    assert followed.look_again() is False


def _broken() -> list[str]:
    files = shared.path(f"{FOLDER}/bad-data").glob("*.mmdb")
    damaged = ("GeoIP2-City-Test-Broken-Double-Format.mmdb", "GeoIP2-City-Test-Invalid-Node-Count.mmdb")
    return [*sorted(f"bad-data/{file.name}" for file in files), *damaged, "GeoLite2-ASN-Test.mmdb", "README", "nothing"]


def test_the_old_database_stays_when_the_new_one_is_broken(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    followed = geo.Followed(str(file))
    good = followed.geo
    names = _broken()
    assert len(names) == 26
    for number, name in enumerate(names):
        source = shared.path(FOLDER) / name
        # In place, as `cp` does, so that an open map of the file would see it.
        file.write_bytes(source.read_bytes() if source.suffix == ".mmdb" else name[:number].encode())
        os.utime(file, (number, number))
        caplog.clear()
        assert followed.look_again() is False, name
        assert followed.look_again() is False, name
        (said,) = [record.getMessage() for record in caplog.records]
        assert said.startswith(f"The new address database {file} cannot be read, the old one stays in use: "), name
        assert followed.geo is good
        assert followed.geo.locate(f"81.2.69.{144 + number}/32") == Place("GB", "GB-ENG", "London"), name
    file.unlink()
    assert followed.look_again() is False
    assert followed.geo is good


def test_half_a_database_is_none_and_the_whole_one_is_taken_afterwards(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    followed = geo.Followed(str(file))
    assert followed.geo.locate(LONDON) == NOWHERE
    file.write_bytes(whole)
    assert followed.look_again() is True
    assert followed.geo.locate("81.2.69.142/32").city == "London"


def test_a_database_that_comes_later_is_taken_into_use(file: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.mmdb"
    followed = geo.Followed(str(later))
    assert followed.look_again() is False
    file.rename(later)
    assert followed.look_again() is True
    assert followed.geo.locate("81.2.69.142/32").country == "GB"
    assert geo.Followed(None).look_again() is False


@pytest.mark.parametrize("name", ["GeoLite2-ASN-Test", "GeoIP2-Connection-Type-Test", "GeoIP2-ISP-Test"])
def test_a_database_of_something_else_has_no_places(name: str) -> None:
    places = Geo.open(str(shared.path(f"{FOLDER}/{name}.mmdb")))
    assert {places.locate(network) for network in NETWORKS} == {NOWHERE}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"country_code": "DE"}, Place("DE")),
        (
            {"country_code": "US", "state1": "California", "city": "San Jose", "postcode": "95101"},
            Place("US", "", "San Jose"),
        ),
        ({"country": "fr", "city": "Paris"}, Place("FR", "", "Paris")),
        (
            {"country": {"iso_code": "JP"}, "city": {"names": {"en": "Tokyo", "ja": "東京"}}},
            Place("JP", "", "Tokyo"),
        ),
        ({"country": {"iso_code": "JP"}, "city": {"names": {"ja": "東京"}}}, Place("JP")),
        ({"country": {"iso_code": "US"}, "subdivisions": [{"names": {"en": "Texas"}}]}, Place("US")),
        ({"country": "France"}, NOWHERE),
        ({"country": None, "city": []}, NOWHERE),
        ({"country": {"iso_code": 7}}, NOWHERE),
        ({"country_code": "US", "city": "a\x00b\ud800c"}, Place("US", "", "abc")),
    ],
)
def test_reads_the_shapes_of_other_databases(record: dict[str, Any], expected: Place) -> None:
    assert geo._place(record) == expected
