"""What Google's two formats share: names of events and parameters in our words."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from analytics.events import ClientEvent
from analytics.protocols import google


def read(name: str = "x", of_the_user: dict[str, Any] | None = None, /, **params: Any) -> ClientEvent:
    return google.event(name, params, of_the_user or {})


@pytest.mark.parametrize(
    ("name", "ours", "interactive"),
    [
        ("page_view", "pageview", True),
        ("screen_view", "pageview", True),
        ("user_engagement", "engagement", False),
        ("scroll", "scroll", False),
        ("session_start", "session_start", False),
        ("first_visit", "first_visit", False),
        ("first_open", "first_open", False),
        ("sign_up", "sign_up", True),
        ("purchase", "purchase", True),
        ("LCP", "LCP", True),
    ],
)
def test_googles_names_in_our_words(name: str, ours: str, interactive: bool) -> None:
    event = read(name)
    assert (event.name, event.interactive) == (ours, interactive)


def test_scrolling_and_engagement() -> None:
    assert read("scroll", percent_scrolled=90).scroll_percent == 90
    assert read("scroll", percent_scrolled="90").scroll_percent == 90
    assert read("scroll", percent_scrolled="all").scroll_percent == 0
    assert read("user_engagement", engagement_time_msec=2349).engagement_ms == 2349
    assert read("user_engagement", engagement_time_msec=[1]).engagement_ms == 0
    assert read("user_engagement", engagement_time_msec=10**20).engagement_ms == 86_400_000


@pytest.mark.parametrize(
    ("metric", "params", "prop"),
    [
        ("LCP", {"value": 120, "metric_value": 2500.4, "metric_id": "v3-1", "metric_delta": 120}, {"lcp": "2500.4"}),
        ("INP", {"metric_value": "180"}, {"inp": "180"}),
        ("FCP", {"value": 900}, {"fcp": "900"}),
        ("TTFB", {"value": "12.5", "metric_rating": "good"}, {"ttfb": "12.5", "metric_rating": "good"}),
        ("CLS", {"value": 0.12}, {"cls": "0.12"}),
        ("CLS", {"value": 120}, {"cls": "0.12"}),
        ("CLS", {"value": 0}, {"cls": "0"}),
        ("CLS", {"value": 120, "metric_value": 0.121}, {"cls": "0.121"}),
        ("CLS", {"value": 2000, "metric_value": 2}, {"cls": "2"}),
    ],
)
def test_a_web_vital_is_a_property_of_its_name(metric: str, params: dict[str, Any], prop: dict[str, str]) -> None:
    event = read(metric, **params)
    assert (event.name, event.props, event.interactive) == ("web_vitals", prop, False)


@pytest.mark.parametrize("value", [None, "", "fast", "nan", "inf", [], {}, True])
def test_a_web_vital_without_a_number_is_an_event_like_any_other(value: object) -> None:
    assert read("LCP", value=value).name == "LCP"


def test_the_parameters_of_a_web_vital_are_properties_of_another_event() -> None:
    event = read("FID", metric_value=12.5, metric_id="v3-1", session_id=1)
    assert (event.name, event.props) == ("FID", {"metric_value": "12.5", "metric_id": "v3-1"})


def test_a_purchase_has_revenue_and_an_order() -> None:
    item = {"item_id": "SKU", "item_name": "Näme", "item_brand": "B", "item_category": "C", "item_variant": "red",
            "price": 12.75, "quantity": 2, "coupon": "X"}  # fmt: skip
    event = read("purchase", currency="eur", value=25.5, transaction_id="T1", tax=1, coupon="SPRING", items=[item, 5])
    assert (event.revenue, event.currency) == (Decimal("25.5000"), "EUR")
    items = json.loads(event.props.pop("items"))
    assert items == [{"id": "SKU", "name": "Näme", "brand": "B", "category": "C", "variant": "red", "price": 12.75,
                      "quantity": 2}]  # fmt: skip
    assert event.props == {"order_id": "T1", "item_count": "1", "tax": "1", "coupon": "SPRING"}


def test_an_order_is_the_same_event_however_often_it_is_reported() -> None:
    first, again = (read("purchase", transaction_id="T1", page_title=title) for title in ("Thanks", "Thanks again"))
    assert first.event_id == again.event_id is not None
    others = [read("purchase", transaction_id="T2"), read("refund", transaction_id="T1"), read("purchase")]
    assert [event.event_id == first.event_id for event in others] == [False, False, False]
    assert [event.event_id is None for event in others] == [False, True, True]
    assert read("purchase", transaction_id="T" * 300, value=1, currency="EUR").revenue == 1


@pytest.mark.parametrize(
    "params",
    [
        {"value": 5},
        {"value": "12,5", "currency": "EUR"},
        {"value": 5, "currency": "euros"},
        {"value": [], "currency": {}},
    ],
)
def test_revenue_that_cannot_be_read_does_not_cost_the_purchase(params: dict[str, Any]) -> None:
    event = read("purchase", **params)
    assert (event.name, event.revenue, event.currency) == ("purchase", None, "")
    assert event.props == {key: str(value) for key, value in params.items() if isinstance(value, (str, int))}


def test_the_value_of_another_event_is_a_property() -> None:
    event = read("add_to_cart", value=5, currency="EUR", items=[{"item_id": "a"}])
    assert event.revenue is None
    assert event.props == {"value": "5", "currency": "EUR", "item_count": "1", "items": '[{"id":"a"}]'}


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({"page_location": "https://a.example/x", "page_path": "/y"}, "https://a.example/x"),
        ({"page_location": "about:blank", "page_path": "/y"}, "/y"),
        ({"page_location": "javascript:alert(1)"}, ""),
        ({"page_location": 5}, ""),
        ({"screen_name": "Main menu"}, "/Main menu"),
        ({"firebase_screen_class": "Level #3?"}, "/Level %233%3F"),
        ({}, ""),
    ],
)
def test_a_page_that_is_none_does_not_cost_the_event(params: dict[str, Any], url: str) -> None:
    assert read("page_view", **params).url == url


def test_a_campaign_that_was_told_goes_before_that_of_the_address() -> None:
    page = "https://a.example/x?utm_source=old&b=1#top"
    told = {"campaign_source": "nl", "campaign_medium": "e mail", "campaign_name": "été", "campaign_content": "top"}
    expected = "utm_source=nl&utm_medium=e+mail&utm_campaign=%C3%A9t%C3%A9&utm_content=top&utm_term=shoes"
    event = read("x", page_location=page, campaign_term="shoes", **told)
    assert event.url == f"https://a.example/x?{expected}&utm_source=old&b=1#top"
    assert len(read("x", page_location=page + "x" * 2000, **told).url) == 2048
    details = read("campaign_details", source="nl", medium="email", campaign="spring")
    assert details.url == "?utm_source=nl&utm_medium=email&utm_campaign=spring"
    assert details.interactive is False


@pytest.mark.parametrize(("ignore", "referrer"), [(True, ""), ("true", ""), (1, ""), (False, "https://pay.example/")])
def test_a_referrer_that_is_to_be_ignored_is_none(ignore: object, referrer: str) -> None:
    assert read("x", page_referrer="https://pay.example/", ignore_referrer=ignore).referrer == referrer


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("en-us", "en-US"), ("en-us@posix", "en-US"), ("es-419", "es-419"), ("zh-hant-tw", "zh-Hant-TW"), ("et", "et"),
        ("en_GB.UTF-8", "en-GB"), ("", ""), ("*", ""), ("e", ""),
    ],
)  # fmt: skip
def test_languages_are_written_as_browsers_do(given: str, shown: str) -> None:
    assert google.language(given) == shown


def test_properties_are_text_and_those_of_the_event_go_first() -> None:
    of_the_user = {"plan": "pro", "level": "flat", "list": [1], "x" * 129: 1, "": 1}
    event = read("x", of_the_user, plan="free", ok=True, n=1.5, nested={"a": 1}, none=None, empty="")
    assert event.props == {"plan": "free", "ok": "true", "n": "1.5", "level": "flat"}


def test_of_too_many_properties_the_first_hundred_are_kept() -> None:
    event = read("x", {"plan": "pro"}, **{f"p{n}": n for n in range(150)})
    assert list(event.props) == [f"p{n}" for n in range(100)]
