"""The tracker's script: how it is built, and how it is served. tests/browser runs it."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from analytics.ingest import tracker
from tests.processes import ROOT

MOST_BYTES = 2500
NO_PACKAGES = 75


def test_is_small(record_property: Callable[[str, object], None]) -> None:
    size = len(gzip.compress(tracker.SOURCE, 9, mtime=0))
    record_property("compressed_bytes", size)
    assert size <= MOST_BYTES


def test_keeps_nothing_in_the_browser_but_what_could_not_be_sent() -> None:
    assert not re.search(rb"cookie|sessionStorage|indexedDB|caches", tracker.SOURCE)
    assert tracker.SOURCE.count(b"localStorage") == 1


def test_is_what_its_sources_make(tmp_path: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine")
    built = tmp_path / "recount.js"
    done = subprocess.run([ROOT / "bin/build-tracker", built], check=False, capture_output=True, text=True)
    if done.returncode == NO_PACKAGES:
        pytest.skip(f"npm could not bring the packages: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr
    assert built.read_bytes() == tracker.SOURCE


def test_its_lock_file_names_no_registry() -> None:
    for lock in ("analytics/ingest/tracker", "tests/browser/packages"):
        assert "://" not in (ROOT / lock / "package-lock.json").read_text()


def test_what_it_reads_and_sends_is_documented() -> None:
    sources = "".join(path.read_text() for path in sorted((ROOT / "analytics/ingest/tracker/src").glob("*.js")))
    document = (ROOT / "docs/tracker.md").read_text()
    settings = {a or b for a, b in re.findall(r'said\.(\w+)|"(\w+)" in said', sources)} | {"site"}
    assert settings == {"site", "api", "hash", "manual", "exclude"}
    sent = set(re.findall(r'send\("([^"]+)"', sources))
    assert sent == {"pageview", "engagement", "web_vitals", "Outbound Link: Click", "File Download", "Form: Submission"}
    for written in {f"`data-{name}`" for name in settings} | {f"| `{name}` |" for name in sent}:
        assert written in document


@pytest.fixture
def get(settings: Any) -> Callable[..., HttpResponse]:
    """`get("/js/…", accept_encoding=…)` of the ingest pool."""
    settings.ROOT_URLCONF = "config.urls_ingest"
    settings.MIDDLEWARE = []

    def get(path: str, **headers: str) -> HttpResponse:
        return Client().get(path, headers=headers)  # type: ignore[return-value]  # the stubs' own kind of response

    return get


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("", ""), ("identity", ""), ("br", ""), ("gzip;q=0", ""), ("gzip; q=0.000, br", ""), ("notgzip", ""),
        ("gzip", "gzip"), ("GZIP", "gzip"), ("x-gzip", "gzip"), ("gzip, deflate, br, zstd", "gzip"),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip"), ("deflate,gzip;q=1", "gzip"), ("gzip ; q=0.001", "gzip"),
    ],
)  # fmt: skip
def test_is_packed_for_who_takes_it(get: Callable[..., HttpResponse], accepts: str, encoding: str) -> None:
    response = get("/js/recount.js", accept_encoding=accepts)
    assert response.get("Content-Encoding", "") == encoding
    plain = gzip.decompress(response.content) if encoding else response.content
    assert plain == tracker.SOURCE
    assert response["Content-Length"] == str(len(response.content))
    assert response["Vary"] == "Accept-Encoding"
    # The bytes differ, the script does not.
    assert response["ETag"] == (f"W/{tracker.ETAG}" if encoding else tracker.ETAG)


def test_is_kept_for_an_hour_by_its_name_and_for_ever_by_its_hash(get: Callable[..., HttpResponse]) -> None:
    named = get("/js/recount.js")
    hashed = get(f"/js/recount.{named['ETag'].strip(chr(34))}.js")
    assert named.content == hashed.content == tracker.SOURCE
    assert named["Cache-Control"] == "public, max-age=3600"
    assert hashed["Cache-Control"] == "public, max-age=31536000, immutable"
    for response in (named, hashed):
        assert response["Content-Type"] == "text/javascript; charset=utf-8"
        assert response["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_another_hash_gets_the_script_of_today_but_not_for_ever(get: Callable[..., HttpResponse]) -> None:
    response = get("/js/recount.0123456789abcdef01234567.js")
    assert (response.status_code, response.content) == (200, tracker.SOURCE)
    assert response["Cache-Control"] == "public, max-age=3600"
    for path in ("/js/recount..js", "/js/recount.xyz.js", "/js/recount.js.map", f"/js/recount.{'0' * 65}.js"):
        assert get(path).status_code == 404


def test_is_not_sent_again_to_who_has_it(get: Callable[..., HttpResponse]) -> None:
    for path in ("/js/recount.js", f"/js/recount.{tracker.HASH}.js"):
        for known in (tracker.ETAG, f"W/{tracker.ETAG}"):
            response = get(path, if_none_match=known, accept_encoding="gzip")
            assert (response.status_code, response.content) == (304, b"")
            assert response["Vary"] == "Accept-Encoding"
            assert "Content-Encoding" not in response
