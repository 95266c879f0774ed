"""The typed readers of the environment refuse nonsense and say which variable it is in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import partial

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Sets the variable X, or unsets it."""

    def set_x(value: str | None) -> None:
        if value is None:
            monkeypatch.delenv("X", raising=False)
        else:
            monkeypatch.setenv("X", value)

    return set_x


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        read()
    assert "X" in str(caught.value)
    return str(caught.value)


def test_text_is_as_it_is_and_must_be_there(given: Callable[[str | None], None]) -> None:
    given(" a ")
    assert env.text("X") == " a "
    given("")
    assert env.text("X", "default") == ""
    given(None)
    assert env.text("X", "default") == "default"
    assert "bin/up" in refusal(lambda: env.text("X"))


@pytest.mark.parametrize(("value", "number"), [("5", 5), (" 7 ", 7), ("1", 1), ("10", 10), (None, 4)])
def test_a_number_lies_within_its_bounds(given: Callable[[str | None], None], value: str | None, number: int) -> None:
    given(value)
    assert env.number("X", 4, least=1, most=10) == number


@pytest.mark.parametrize("value", ["", "x", "1.5", "0", "11", "-1", "1e3", "5 MB", "9" * 5000])
def test_what_is_no_number_or_out_of_bounds_is_refused(given: Callable[[str | None], None], value: str) -> None:
    given(value)
    refusal(lambda: env.number("X", 4, least=1, most=10))


def test_a_flag_is_a_yes_or_a_no(given: Callable[[str | None], None]) -> None:
    for value, flag in {
        "1": True,
        "TRUE": True,
        "yes": True,
        "On": True,
        "0": False,
        "False": False,
        "no": False,
    }.items():
        given(value)
        assert env.flag("X", not flag) is flag
    given(None)
    assert env.flag("X") is False
    assert env.flag("X", True) is True
    for value in ("maybe", "2", "nein"):
        given(value)
        refusal(partial(env.flag, "X"))


def test_words_are_separated_by_commas(given: Callable[[str | None], None]) -> None:
    given(" a , b,, ")
    assert env.words("X") == ["a", "b"]
    given("")
    assert env.words("X", "default") == []
    given(None)
    assert env.words("X", "a,b") == ["a", "b"]


def test_networks_are_in_cidr_form(given: Callable[[str | None], None]) -> None:
    given("10.0.0.0/8, ::1, 192.0.2.1")
    assert env.networks("X") == [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "::1/128", "192.0.2.1/32")]
    given(None)
    assert env.networks("X") == []
    for value in ("10.0.0.1/8", "10.0.0.0/33", "proxy", "*", "10.0.0.0/8 10.1.0.0/16"):
        given(value)
        refusal(partial(env.networks, "X"))


def test_a_database_is_named_by_a_url(given: Callable[[str | None], None]) -> None:
    given("postgresql://me%40x:p%2Fw%3A@[::1]:6543/re%20count")
    found = env.database("X")
    assert {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "re count", "USER": "me@x", "PASSWORD": "p/w:", "HOST": "::1", "PORT": "6543",
    }  # fmt: skip
    given("postgres:///recount")
    assert (env.database("X")["HOST"], env.database("X")["PORT"]) == ("", "")


@pytest.mark.parametrize(
    "value",
    [
        "", "recount", "mysql://a/b", "postgresql://host", "postgresql://host/", "postgresql://h:port/b",
        "postgresql://h:99999/b", "postgresql://[::1/b", "postgresql://h/b?sslmode=require", "postgresql://h/b#x",
    ],
)  # fmt: skip
def test_a_url_that_names_no_database_is_refused(given: Callable[[str | None], None], value: str) -> None:
    given(value)
    message = refusal(lambda: env.database("X"))
    assert "sslmode" not in message
    assert ("PGSSLMODE" in message) == ("?" in value or "#" in value)


def test_a_password_is_not_repeated_in_a_message(given: Callable[[str | None], None]) -> None:
    given("postgresql://me:geheim@host:port/recount")
    assert "geheim" not in refusal(lambda: env.database("X"))
