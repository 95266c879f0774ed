"""Snowplow's tracker protocol."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import snowplow, wire
from tests.protocols import storable
from tests.protocols.test_recount import VALUES

VENDOR = "com.snowplowanalytics.snowplow"
EVENT = {"e": "pv", "aid": "app1", "url": "https://example.com/a"}
BATCH = wire.Batch(())
WHO = {"uid": "u", "duid": "d", "nuid": "n", "tnuid": "t", "sid": "s", "vid": "2", "fp": "f", "ip": "203.0.113.9"}


def post(*events: object, **headers: str) -> wire.Request:
    body = json.dumps({"schema": f"iglu:{VENDOR}/payload_data/jsonschema/1-0-4", "data": events}, separators=(",", ":"))
    return wire.Request("POST", f"/{VENDOR}/tp2", "", named(headers), body.encode())


def get(query: str, **headers: str) -> wire.Request:
    return wire.Request("GET", "/i", query, named(headers), b"")


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def read(**said: Any) -> ClientEvent:
    return snowplow.read(json.dumps(EVENT | said))


def refusal(call: Any, given: Any) -> Refusal:
    with pytest.raises(Refused) as refused:
        call(given)
    return refused.value.code


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def schema(name: str, data: object, vendor: str = VENDOR) -> dict[str, object]:
    return {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data}


def described(name: str, data: object, vendor: str = VENDOR, **said: Any) -> ClientEvent:
    return read(e="ue", ue_pr=json.dumps(schema("unstruct_event", schema(name, data, vendor))), **said)


# Whose they are.


def test_the_app_names_the_site() -> None:
    events = ({"e": "pv", "aid": "app1", "t": "é"}, {"e": "pv"}, {"e": "pv", "aid": "app2"}, 5)
    payloads = [json.dumps(event, separators=(",", ":")) for event in events]
    assert [(event.site, event.payload) for event in snowplow.split(post(*events)).events] == list(
        zip(("app1", "", "app2", ""), payloads, strict=True)
    )
    assert snowplow.split(get("e=pv&aid=app1&x=%20+")).events == (wire.Addressed("app1", "e=pv&aid=app1&x=%20+"),)


def test_without_a_site_or_events_nothing_is_taken() -> None:
    for request in (get(""), get("e=pv"), post({"e": "pv"})):
        assert refusal(snowplow.split, request) is Refusal.NO_SITE
    assert refusal(snowplow.split, post()) is Refusal.NO_EVENTS
    assert refusal(snowplow.split, post(*[EVENT] * 501)) is Refusal.TOO_MANY_EVENTS
    assert refusal(snowplow.split, wire.Request("POST", "/", "", {}, b'{"data":5}')) is Refusal.BAD_FIELD


def test_who_asks_for_anonymity_is_not_known_by_any_id() -> None:
    said = EVENT | WHO
    for request in (post(said, sp_anonymous="*"), get(urlencode(said), sp_anonymous="*")):
        (event,) = snowplow.split(request).events
        assert not any(name in event.payload for name in ("uid", "sid", "vid=", '"vid"', "203.0.113.9"))
        assert snowplow.read(event.payload) == ClientEvent(name="pageview", url="https://example.com/a")
    assert snowplow.read(snowplow.split(post(said)).events[0].payload).client_id == "d"


def test_what_is_packed_is_kept_unpacked_so_that_secrets_are_found_in_it() -> None:
    event = schema("unstruct_event", schema("signup", {"mail": "a+b%&@example.com", "n": "é"}, "com.acme"))
    context = schema("contexts", [schema("ctx", {"c": 1})])
    said = EVENT | {"e": "ue", "ue_px": packed(event), "cx": packed(context)}
    for request in (post(said), get(urlencode(said))):
        payload = snowplow.split(request).events[0].payload
        assert "b%&@example.com" in payload or "b%25%26@example.com" in payload
        assert "ue_px" not in payload
        assert "cx" not in payload
        plain = {"ue_pr": json.dumps(event), "co": json.dumps(context)}
        assert snowplow.read(payload) == read(e="ue", **plain)


@pytest.mark.parametrize("broken", ["", "!", "AAAA", packed([1]), packed({"a": "x" * 40_000}), "é"])
def test_what_cannot_be_unpacked_stays_as_it_came(broken: str) -> None:
    said = EVENT | {"e": "ue", "ue_px": broken}
    for request in (post(said), get(urlencode(said))):
        payload = snowplow.split(request).events[0].payload
        assert payload in (json.dumps(said, separators=(",", ":")), urlencode(said))
        assert refusal(snowplow.read, payload) is Refusal.BAD_FIELD


# What they say.


def test_every_field_has_its_place() -> None:
    said = {
        "page": "Hellö", "refr": "https://google.com/", "p": "srv", "uid": "u-42", "lang": "et", "res": "1920x1080",
        "tz": "Europe/Tallinn", "ip": "203.0.113.9", "ua": "Mozilla/5.0 X", "duid": "d1", "cd": "24",
        "vp": "1280x800", "eid": "3617278e-115a-4c20-9d35-3fa55065ab84", "dtm": "1795390561567", "tv": "py-1.1.0",
        "tna": "py", "stm": "1795390561000",
    }  # fmt: skip
    expected = ClientEvent(
        name="pageview",
        url="https://example.com/a",
        referrer="https://google.com/",
        title="Hellö",
        event_id=UUID("3617278e-115a-4c20-9d35-3fa55065ab84"),
        timestamp=dt.datetime(2026, 11, 22, 23, 36, 1, 567000, tzinfo=dt.UTC),
        client_id="d1",
        user_id="u-42",
        screen="1920x1080",
        language="et",
        from_server=True,
        user_agent="Mozilla/5.0 X",
        address="203.0.113.9",
    )
    assert read(**said) == snowplow.read(urlencode(EVENT | said)) == expected


@pytest.mark.parametrize(("p", "ip", "server"), [("web", "", False), ("srv", "", True), ("pc", "203.0.113.9", True)])
def test_a_sender_that_tells_of_its_visitor_is_a_program(p: str, ip: str, server: bool) -> None:
    assert read(p=p, ip=ip).from_server is server


@pytest.mark.parametrize(
    ("ids", "client"),
    [
        ({"duid": "d", "nuid": "n"}, "d"),
        ({"nuid": "n"}, "n"),
        ({"tnuid": "t"}, "t"),
        ({"duid": "null", "nuid": "n"}, "n"),
    ],
)
def test_the_clients_id_is_that_of_the_domain_or_of_the_network(ids: dict[str, str], client: str) -> None:
    assert read(**ids).client_id == client


@pytest.mark.parametrize(
    ("times", "millisecond"),
    [
        ({"dtm": "1795390561567"}, 567),
        ({"dtm": 1795390561567}, 567),
        ({"dtm": "1795390561567", "ttm": "1795390561001"}, 1),
        ({"dtm": "1795390561567", "ttm": "soon"}, 567),
    ],
)
def test_the_true_time_wins(times: dict[str, Any], millisecond: int) -> None:
    moment = dt.datetime(2026, 11, 22, 23, 36, 1, millisecond * 1000, tzinfo=dt.UTC)
    assert read(**times).timestamp == moment


@pytest.mark.parametrize("dtm", ["", "x", "-1", "1.5", "9" * 30])
def test_a_time_that_cannot_be_read_does_not_cost_the_event(dtm: str) -> None:
    assert read(dtm=dtm).timestamp is None


@pytest.mark.parametrize(
    ("times", "sent_at"),
    [
        ([{"stm": "1795390562500", "dtm": "1795390561567"}], 1795390562500),
        # Cut to whole seconds: what was made cannot have been sent before.
        ([{"stm": "1795390562000", "dtm": "1795390562567"}, {"stm": "1795390562000", "dtm": "5"}], 1795390562567),
        # Two clocks: the door decides.
        ([{"stm": "1795390562000", "dtm": "1795390999999"}], 1795390562000),
        ([{"stm": "1795390562000", "dtm": "5"}, {"ttm": "1795390000000"}], None),
        ([{"dtm": "5"}], None),
        ([{"stm": "now"}], None),
    ],
)
def test_the_clock_of_the_sender_is_told(times: list[dict[str, str]], sent_at: int | None) -> None:
    assert snowplow.split(post(*(EVENT | one for one in times))).sent_at == sent_at


@pytest.mark.parametrize(
    ("said", "percent"),
    [
        ({"pp_may": "100", "vp": "1280x800", "ds": "1280x3600"}, 25),
        ({"pp_may": "2800", "vp": "1280x800", "ds": "1280x3600"}, 100),
        ({"pp_may": "9999999", "vp": "1280x800", "ds": "1280x3600"}, 100),
        ({"pp_may": "x", "vp": "1280x800", "ds": "1280x1600"}, 50),
        ({"pp_may": "100", "vp": "1280x800"}, 0),
        ({"pp_may": "100", "ds": "1280x3600"}, 0),
        ({"pp_may": "100", "vp": "1280x800", "ds": "0x0"}, 0),
    ],
)
def test_a_page_ping_tells_how_far_a_page_was_read(said: dict[str, str], percent: int) -> None:
    event = read(e="pp", **said)
    assert (event.name, event.interactive, event.scroll_percent) == ("engagement", False, percent)


def test_a_structured_event_goes_by_its_action() -> None:
    event = read(e="se", se_ca="shop", se_ac="buy", se_la="l", se_pr="p", se_va="2.5")
    assert event.name == "buy"
    assert event.props == {"category": "shop", "label": "l", "property": "p", "value": "2.5"}
    assert refusal(snowplow.read, "e=se&aid=x&se_ca=shop") is Refusal.NO_NAME


def test_an_event_of_its_own_schema_goes_by_the_schemas_name() -> None:
    event = described("button_click", {"a": 1, "b": [1, 2], "c": {"d": "e"}, "f": None}, "com.acme")
    assert (event.name, event.props, event.interactive) == ("button_click", {"a": "1", "c.d": "e"}, True)


@pytest.mark.parametrize("vendor", [VENDOR, "com.snowplowanalytics.mobile"])
def test_a_screen_of_an_app_is_a_page(vendor: str) -> None:
    event = described("screen_view", {"id": "s1", "name": "Main menu"}, vendor, url="")
    assert (event.name, event.url, event.props) == ("pageview", "/Main menu", {"id": "s1", "name": "Main menu"})
    assert described("screen_view", {"name": "x"}, vendor).url == "https://example.com/a"
    assert described("screen_view", {"name": 5}, "com.acme").name == "screen_view"
    assert described("screen_view", {"name": {}}, vendor, url="").url == ""


def test_a_link_that_leads_away_is_an_outbound_link() -> None:
    data = {"targetUrl": "https://other.test/x", "elementId": "more", "elementClasses": ["a"]}
    event = described("link_click", data)
    assert (event.name, event.props) == ("Outbound Link: Click", {"url": "https://other.test/x", "elementId": "more"})
    for target in ("https://example.com/b", "/b", "", "http://[", 5, None):
        assert described("link_click", {"targetUrl": target}).name == "link_click"
    assert described("link_click", data, url="").name == "Outbound Link: Click"
    assert described("link_click", data, "com.acme").name == "link_click"


def test_web_vitals_are_web_vitals() -> None:
    event = described("web_vitals", {"lcp": 48.5, "cls": 0.05, "fid": 1, "inp": 8, "navigationType": "navigate"})
    assert (event.name, event.interactive) == ("web_vitals", False)
    assert event.props == {"lcp": "48.5", "cls": "0.05", "inp": "8"}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", "{}", '{"data":5}', '{"data":{}}', '{"data":{"schema":"signup"}}', '{"data":{"schema":5}}'],
)
def test_a_self_describing_event_must_describe_itself(text: str) -> None:
    assert refusal(snowplow.read, json.dumps(EVENT | {"e": "ue", "ue_pr": text})) is Refusal.BAD_FIELD


def test_a_transaction_is_a_purchase_and_its_items_save_no_visit() -> None:
    order = read(e="tr", tr_id="O1", tr_tt="20.5", tr_cu="eur", tr_tx="2", tr_sh="1", tr_af="web", tr_ci="Tallinn")
    assert (order.name, order.revenue, order.currency) == ("purchase", Decimal("20.5"), "EUR")
    assert order.props == {"order_id": "O1", "tax": "2", "shipping": "1", "affiliation": "web"}
    item = read(e="ti", ti_id="O1", ti_sk="SKU", ti_nm="Näme", ti_ca="c", ti_pr="10", ti_qu="2", ti_cu="EUR")
    assert (item.name, item.interactive, item.revenue) == ("item", False, None)
    assert item.props == {
        "order_id": "O1", "id": "SKU", "name": "Näme", "category": "c", "price": "10", "quantity": "2",
        "currency": "EUR",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("20", "", (Decimal(20), "")), ("20", "euros", (None, "")), ("x", "EUR", (None, "")), ("", "", (None, ""))],
)
def test_revenue_that_cannot_be_read_does_not_cost_the_order(amount: str, currency: str, expected: object) -> None:
    order = read(e="tr", tr_id="O1", tr_tt=amount, tr_cu=currency)
    assert (order.revenue, order.currency) == expected


def test_an_order_of_the_e_commerce_plugin_is_a_purchase() -> None:
    shop = f"{VENDOR}.ecommerce"
    entities = [
        schema("transaction", {"transaction_id": "O1", "revenue": 20.5, "currency": "EUR", "tax": 2}, shop),
        schema("product", {"id": "SKU", "name": "N", "price": 10, "quantity": 2, "currency": "EUR"}, shop),
        schema("product", {"id": "OTHER"}, "com.acme"),
        5,
    ]
    event = described(
        "snowplow_ecommerce_action", {"type": "transaction"}, shop, co=json.dumps(schema("contexts", entities))
    )
    assert (event.name, event.revenue, event.currency) == ("purchase", Decimal("20.5"), "EUR")
    assert event.props == {
        "order_id": "O1", "tax": "2", "item_count": "1",
        "items": '[{"id":"SKU","name":"N","price":10,"quantity":2}]',
    }  # fmt: skip
    for context in ("", "{}", "[]", '{"data":5}'):
        bare = described("snowplow_ecommerce_action", {"type": "transaction"}, shop, co=context)
        assert (bare.name, bare.revenue, bare.props) == ("purchase", None, {})
    assert described("snowplow_ecommerce_action", {"type": "add_to_cart"}, shop).name == "snowplow_ecommerce_action"


@pytest.mark.parametrize("kind", [{"e": ""}, {"e": "ad"}, {"e": None}])
def test_another_kind_of_event_is_refused(kind: dict[str, Any]) -> None:
    assert refusal(snowplow.read, json.dumps(EVENT | kind)) is Refusal.BAD_FIELD


# What is answered.


def test_the_answer_is_ok_or_an_image_and_sets_no_cookie() -> None:
    good, bad = wire.Outcome(0), wire.Outcome(1, Refusal.BAD_FIELD, "Why.")
    assert snowplow.answer(post(), BATCH, [good, bad]) == wire.Reply(200, b"ok", "text/plain")
    assert snowplow.answer(get(""), BATCH, [good]) == wire.pixel()
    assert snowplow.answer(post(), BATCH, [bad]) == wire.Reply(400, b"Why.\n", "text/plain")
    assert snowplow.answer(get(""), BATCH, [bad]) == wire.pixel(400)
    assert snowplow.answer(post(), BATCH, [wire.Outcome(0, Refusal.OPTED_OUT, "No.")]).status == 200


@pytest.mark.parametrize(("status", "told"), [(400, 400), (413, 400), (415, 400), (429, 429), (403, 403)])
def test_what_will_never_succeed_is_answered_so_that_trackers_stop(status: int, told: int) -> None:
    refused = Refused(Refusal.TOO_LARGE, "Why.")
    assert snowplow.refuse(post(), refused, status).status == told
    assert snowplow.refuse(get(""), refused, status) == wire.pixel(told)


FIELDS = sorted({key for keys in snowplow.KEYS.values() for key in ([keys] if isinstance(keys, str) else keys)})
SAID = st.dictionaries(st.sampled_from(FIELDS), VALUES) | st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30))


@given(st.sampled_from(["pv", "pp", "se", "ue", "tr", "ti", "x"]), SAID, st.booleans())
@settings(max_examples=500, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(
    kind: str, said: dict[str, Any], anonymous: bool
) -> None:
    event = EVENT | said | {"e": kind}
    headers = {"sp_anonymous": "*"} if anonymous else {}
    query = urlencode({key: str(value).encode(errors="replace") for key, value in event.items()})
    for request in (post(event, **headers), get(query, **headers)):
        with contextlib.suppress(Refused):
            for one in snowplow.split(request).events:
                assert "\x00" not in one.payload
                storable.check(snowplow.read(one.payload))


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_whatever_the_query_holds_it_is_split_or_refused(query: str) -> None:
    with contextlib.suppress(Refused):
        snowplow.split(get(f"aid=x&ue_px={query}"))
