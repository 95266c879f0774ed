"""What Google's tag in a browser sends."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import ga4, google, gtag, wire

# A page_view of gtag.js out of a public recording, with an address and a title.
PAGE_VIEW = (
    "v=2&tid=G-3SQN45GM23&gtm=45je44a0v9138474532za200&_p=1712890646914&gcd=13l3l3l3l1&npa=0&dma=0"
    "&cid=1574575648.1712890654&ul=es-419&sr=1440x900&are=1&pscdl=noapi&_geo=1&_rdi=1&_s=1&dt=Inicio%20%7C%20Tienda"
    "&dl=https%3A%2F%2Fshop.example%2Fes%2F%3Futm_source%3Dnl%23top&dr=https%3A%2F%2Fwww.google.com%2F&sid=1712890654"
    "&sct=1&seg=0&en=page_view&_fv=1&_nsi=1&_ss=1&_ee=1&ep.device_type=desktop&tfd=12982"
)


def request(query: str, body: str | bytes = b"", method: str = "POST") -> wire.Request:
    return wire.Request(method, "/g/collect", query, {}, body.encode() if isinstance(body, str) else body)


def read(query: str) -> ClientEvent:
    (event,) = gtag.split(request(f"tid=G-TEST123&en=x&{query}")).events
    return gtag.read(event.payload)


def refused(call: object, *given: object) -> Refusal:
    assert callable(call)
    with pytest.raises(Refused) as caught:
        call(*given)
    return caught.value.code


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_view_of_the_real_tag(method: str) -> None:
    (event,) = gtag.split(request(PAGE_VIEW, method=method)).events
    assert (event.site, event.payload) == ("G-3SQN45GM23", PAGE_VIEW)
    assert gtag.read(event.payload) == ClientEvent(
        name="pageview",
        url="https://shop.example/es/?utm_source=nl#top",
        referrer="https://www.google.com/",
        title="Inicio | Tienda",
        client_id="1574575648.1712890654",
        props={"device_type": "desktop"},
        screen="1440x900",
        language="es-419",
    )


def test_a_purchase_with_items() -> None:
    event = read(
        "en=purchase&cu=EUR&ep.transaction_id=T1&epn.value=25.5&epn.tax=2&pr1=idSKU1~nmN%C3%A4me~pr12.75~qt2"
        "&pr10=nmTen&pr2=id2~brBrand~caShoes~c2Men~vared~cpX~k0size~v0XL~prfree"
    )
    assert (event.name, event.revenue, event.currency) == ("purchase", Decimal("25.5000"), "EUR")
    assert json.loads(event.props.pop("items")) == [
        {"id": "SKU1", "name": "Näme", "price": 12.75, "quantity": 2},
        {"id": "2", "brand": "Brand", "category": "Shoes", "variant": "red", "price": "free"},
        {"name": "Ten"},
    ]
    assert event.props == {"order_id": "T1", "item_count": "3", "tax": "2"}


def test_a_tilde_in_an_items_value_is_doubled() -> None:
    items = json.loads(read("pr1=ida~~b~nm~~c~~&pr2=~~~&pr3=").props["items"])
    assert items == [{"id": "a~b", "name": "~c~"}]


def test_an_order_is_the_same_event_whoever_reports_it() -> None:
    from_the_page = read("en=purchase&ep.transaction_id=T1")
    (told,) = ga4.split(
        wire.Request(
            "POST", "/mp/collect", "measurement_id=G-TEST123", {},
            b'{"client_id":"1.2","events":[{"name":"purchase","params":{"transaction_id":"T1"}}]}',
        )
    ).events  # fmt: skip
    assert from_the_page.event_id == ga4.read(told.payload).event_id is not None
    assert read("en=add_to_cart&ep.transaction_id=T1").event_id is None


def test_the_lines_of_a_body_are_events_that_go_before_the_query_string() -> None:
    query = "v=2&tid=G-TEST123&cid=1369988567.1756151735&_p=1758117262938&en=page_view&dt=Shared"
    body = "en=page_view&_et=3674\r\nen=click&_et=799&dt=Test%20Page\n\n \r\nen=sign_up&cid=1.2&tid=G-OTHER\r\n"
    batch = gtag.split(request(query, body))
    assert [event.site for event in batch.events] == ["G-TEST123", "G-TEST123", "G-OTHER"]
    assert batch.events[0].payload == f"{query}\nen=page_view&_et=3674"
    assert batch.events[1].payload == f"{query}\nen=click&_et=799&dt=Test%20Page"
    events = [gtag.read(event.payload) for event in batch.events]
    assert [(event.name, event.engagement_ms, event.title, event.client_id) for event in events] == [
        ("pageview", 3674, "Shared", "1369988567.1756151735"),
        ("click", 799, "Test Page", "1369988567.1756151735"),
        ("sign_up", 0, "Shared", "1.2"),
    ]


def test_one_line_is_one_event() -> None:
    (event,) = gtag.split(request("tid=G-TEST123&cid=1.2", "en=page_view&_et=3674")).events
    assert (gtag.read(event.payload).name, gtag.read(event.payload).engagement_ms) == ("pageview", 3674)


def test_everything_may_be_in_the_body() -> None:
    (event,) = gtag.split(request("", "tid=G-TEST123&en=page_view")).events
    assert (event.site, gtag.read(event.payload).name) == ("G-TEST123", "pageview")


@pytest.mark.parametrize(
    ("query", "body", "why"),
    [
        ("", b"", Refusal.NO_SITE),
        ("v=2&en=page_view", b"", Refusal.NO_SITE),
        ("tid=&en=page_view", b"\n", Refusal.NO_SITE),
        ("tid=G-1", b"en=x\n" * 501, Refusal.TOO_MANY_EVENTS),
        ("tid=G-1", b"\x1f\x8bno gzip", Refusal.BAD_JSON),
        ("tid=G-1&" + "&".join(f"a{n}=1" for n in range(1001)), b"", Refusal.BAD_FIELD),
    ],
)
def test_a_request_without_a_site_or_of_no_sense_is_refused(query: str, body: bytes, why: Refusal) -> None:
    assert refused(gtag.split, request(query, body)) is why


def test_an_event_without_a_name_is_refused_alone() -> None:
    bad, good = gtag.split(request("tid=G-1", "dt=x\nen=x")).events
    assert refused(gtag.read, bad.payload) is Refusal.NO_NAME
    assert gtag.read(good.payload).name == "x"


def test_bytes_that_no_store_keeps_do_not_cost_the_event() -> None:
    (event,) = gtag.split(request("tid=G-1", b"en=a\x00b&dt=\xff%00%FF")).events
    assert "\0" not in event.payload
    said = gtag.read(event.payload)
    assert (said.name, said.title) == ("a\ufffdb", "\ufffd\ufffd\ufffd")


@pytest.mark.parametrize(
    ("consent", "client", "user"),
    [
        ("G111", "1.2", "u1"), ("G101", "1.2", "u1"), ("G1--", "1.2", "u1"), ("", "1.2", "u1"), ("x", "1.2", "u1"),
        ("G110", "", ""), ("G100", "", ""),
    ],
)  # fmt: skip
def test_without_consent_to_analytics_the_visitor_has_no_id(consent: str, client: str, user: str) -> None:
    event = read(f"cid=1.2&uid=u1&gcs={consent}")
    assert (event.client_id, event.user_id, event.from_server) == (client, user, False)


def test_an_id_without_consent_is_not_even_kept() -> None:
    lines = "en=a&uid=u1&gcs=G100\nen=b&uid=u1"
    payloads = [event.payload for event in gtag.split(request("tid=G-1&cid=1.2&gcs=G111", lines)).events]
    assert payloads == ["tid=G-1&gcs=G111\nen=a&gcs=G100", "tid=G-1&cid=1.2&gcs=G111\nen=b&uid=u1"]


@pytest.mark.parametrize(
    ("query", "client"),
    [
        ("cid=6434740581999066", "6434740581999066"),
        ("cid=GA1.2.1574575648.1712890654", "1574575648.1712890654"),
        ("cid=undefined", ""),
        ("cid=", ""),
    ],
)
def test_an_id_of_a_browser(query: str, client: str) -> None:
    assert read(query).client_id == client


def test_a_campaign_that_the_tag_was_told_goes_before_that_of_the_address() -> None:
    page = urlencode({"dl": "https://a.example/x?utm_source=old&utm_medium=old&b=1#top"})
    event = read(f"{page}&cs=nl&cm=email&cn=spring&cc=top&ct=red%20shoes&ccf=video&cmt=prospecting")
    told = "utm_source=nl&utm_medium=email&utm_campaign=spring&utm_content=top&utm_term=red+shoes"
    assert event.url == f"https://a.example/x?{told}&utm_source=old&utm_medium=old&b=1#top"


@pytest.mark.parametrize(
    ("query", "url"),
    [
        ("dl=https%3A%2F%2Fa.example%2Fx%23%2Froute&dp=%2Fy", "https://a.example/x#/route"),
        ("dh=a.example&dp=%2Fy", "https://a.example/y"),
        ("dh=a.example", "https://a.example/"),
        ("dp=%2Fy", "/y"),
        ("dl=about%3Asrcdoc", ""),
        ("dl=about%3Asrcdoc&dp=%2Fy", "/y"),
        ("ep.page_location=https%3A%2F%2Fa.example%2F", "https://a.example/"),
        ("ep.page_location=https%3A%2F%2Fa.example%2F&dh=b.example", "https://a.example/"),
        ("", ""),
    ],
)
def test_the_page_is_its_address_or_host_and_path(query: str, url: str) -> None:
    assert read(query).url == url


def test_parameters_and_properties_of_the_user_are_properties() -> None:
    event = read(
        "ep.method=Google&epn.value=5&up.plan=pro&upn.seats=3&up.method=old&ep.=x&ep.empty=&_dbg=1&tt=internal"
    )
    assert event.props == {"method": "Google", "value": "5", "plan": "pro", "seats": "3"}
    assert read("ep.user_properties=%5Bobject%20Object%5D&ep.items=%5Bobject%20Object%5D").props == {}


def test_what_the_tag_reports_by_itself_keeps_nobody() -> None:
    engaged, scrolled = read("en=user_engagement&_et=2349"), read("en=scroll&epn.percent_scrolled=90")
    assert (engaged.name, engaged.engagement_ms, engaged.interactive) == ("engagement", 2349, False)
    assert (scrolled.name, scrolled.scroll_percent, scrolled.interactive) == ("scroll", 90, False)
    vital = read("en=LCP&epn.value=120&epn.metric_value=2500.4&ep.metric_id=v3-1")
    assert (vital.name, vital.props, vital.interactive) == ("web_vitals", {"lcp": "2500.4"}, False)


@pytest.mark.parametrize(
    ("ignore", "referrer"),
    [("ir=1", ""), ("ir=true", ""), ("ir=0", "https://pay.example/"), ("", "https://pay.example/")],
)
def test_a_referrer_that_is_to_be_ignored_is_none(ignore: str, referrer: str) -> None:
    assert read(f"dr=https%3A%2F%2Fpay.example%2F&{ignore}").referrer == referrer


def test_a_server_that_passes_tags_on_says_where_the_visitor_is() -> None:
    assert read("_uip=203.0.113.7").address == "203.0.113.7"


@pytest.mark.parametrize(("status", "answered"), [(400, 204), (413, 204), (403, 204), (429, 429), (503, 503)])
def test_the_page_is_told_of_no_error_but_to_come_again(status: int, answered: int) -> None:
    reply = gtag.refuse(request(""), Refused(Refusal.NO_SITE, "No."), status)
    assert (reply.status, reply.body) == (answered, b"")
    dropped = wire.Outcome(0, Refusal.UNKNOWN_SITE, "No.")
    assert gtag.answer(request(""), wire.Batch(()), [dropped]).status == 204


KEYS = [*(key for keys in gtag.KEYS.values() for key in ([keys] if isinstance(keys, str) else keys)), "pr1", "pr2"]
KEYS += [f"ep.{key}" for keys in google.PARAMETERS.values() for key in keys]
NAMES = st.sampled_from(["purchase", "CLS", "campaign_details"]) | st.text(max_size=10)
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["1e999", "nan", "-0", "9" * 400, "id1~pr1e300~qt-1~~", "G100", "/", "http://["]
)


@given(NAMES, st.dictionaries(st.sampled_from(KEYS), TEXTS), st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_read_or_refused(name: str, parameters: dict[str, str], body: bytes) -> None:
    query = urlencode({"tid": "G-1", "en": name} | parameters, errors="replace")
    with contextlib.suppress(Refused):
        for event in gtag.split(request(query, body)).events:
            assert "\0" not in event.payload
            with contextlib.suppress(Refused):
                said = gtag.read(event.payload)
                texts = [said.name, said.url, said.title, said.client_id, *said.props.values(), *said.props]
                assert not any(char == "\0" or "\ud800" <= char <= "\udfff" for text in texts for char in text)
