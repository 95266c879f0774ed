from __future__ import annotations

import time

import pytest

from analytics.enrich import excluded, wildcard


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/admin", "/admin", True),
        ("/admin/", "/admin", False),
        ("/admin/users/1", "/admin/*", True),
        ("/admin/users/1", "/admin/**", True),
        ("/administrator", "/admin/*", False),
        ("/en/preview/7", "*/preview/*", True),
        ("/preview", "*/preview/*", False),
        ("/a/x/b", "/a/*/b", True),
        ("/a/b", "/a/*/b", False),
        ("/anything", "*", True),
        ("", "*", True),
        ("", "", True),
        ("/a", "", False),
        ("/Admin", "/admin", False),
        ("/report.pdf", "*.pdf", True),
        ("/ab", "/ab*b", False),
        ("/a[1]", "/a[1]", True),
        ("/a1", "/a[1]", False),
        ("/ab", "/a?", False),
    ],
)
def test_a_pattern_covers_a_whole_path(path: str, pattern: str, expected: bool) -> None:
    assert wildcard.matches(path, pattern) is expected
    assert excluded.matches(path, (pattern,)) is expected


def test_one_pattern_of_several_is_enough() -> None:
    assert excluded.matches("/b/1", ("/a/*", "/b/*"))
    assert not excluded.matches("/c/1", ("/a/*", "/b/*"))
    assert not excluded.matches("/c/1", ())


def test_a_hostile_pattern_costs_no_time() -> None:
    started = time.perf_counter()
    assert not wildcard.matches("a" * 2048, "*a" * 500 + "*b")
    assert time.perf_counter() - started < 0.02
