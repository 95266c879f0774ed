"""Matomo's Tracking HTTP API."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events import ClientEvent, Refusal, Refused
from analytics.protocols import matomo, matomo_sites, wire
from tests.protocols import storable
from tests.protocols.test_recount import VALUES

PAGE = {"idsite": "3", "rec": "1", "url": "https://example.com/a"}
BATCH = wire.Batch(())
TOKEN = "0" * 32


def sent(body: bytes | str = b"", query: str = "", method: str = "POST", **headers: str) -> wire.Request:
    raw = body if isinstance(body, bytes) else body.encode()
    return wire.Request(method, "/matomo.php", query, {name.replace("_", "-"): v for name, v in headers.items()}, raw)


def browsed(body: bytes | str = b"", query: str = "", method: str = "POST", **headers: str) -> wire.Request:
    return sent(body, query, method, user_agent="Mozilla/5.0", **headers)


def read(**said: Any) -> ClientEvent:
    return matomo.read(urlencode(PAGE | said))


def refusal(call: Any, given: Any) -> Refusal:
    with pytest.raises(Refused) as refused:
        call(given)
    return refused.value.code


def bulk(*requests: object, **envelope: object) -> str:
    return json.dumps({"requests": requests} | envelope)


# Whose they are.


def test_parameters_come_in_the_query_string_or_in_a_form_or_in_both() -> None:
    query, form = "idsite=3&rec=1&url=https%3A%2F%2Fexample.com%2F", "action_name=A&rec=0"
    for request, payload in (
        (browsed(query=query, method="GET"), query),
        (browsed(query=query), query),
        (browsed(query), query),
        (browsed(form, query), f"{form}&{query}"),
    ):
        assert matomo.split(request) == wire.Batch((wire.Addressed("3", payload),))


def test_a_request_must_name_its_site() -> None:
    for request in (sent(), sent(query="rec=1&idsite="), sent("rec=1")):
        assert refusal(matomo.split, request) is Refusal.NO_SITE


def test_a_simple_image_is_on_the_page_that_shows_it() -> None:
    page = "https://example.com/a?b=1&c=%20"
    (event,) = matomo.split(browsed(query="idsite=3&rec=1", method="GET", referer=page)).events
    assert matomo.read(event.payload).url == page
    for own in ("url=%2Fx", "urlref=https://news.example/"):
        (event,) = matomo.split(browsed(query=f"idsite=3&rec=1&{own}", method="GET", referer=page)).events
        assert event.payload == f"idsite=3&rec=1&{own}"


def agent_of(request: wire.Request) -> tuple[str, bool]:
    (event,) = matomo.split(request).events
    said = matomo.read(event.payload)
    return said.user_agent, said.from_server


def test_a_server_that_names_the_visitors_address_passes_on_the_user_agent() -> None:
    query = "idsite=3&rec=1&url=/&cip=203.0.113.9"
    assert agent_of(sent(query=query, user_agent="Mozilla/5.0 (é; X+Y)")) == ("Mozilla/5.0 (é; X+Y)", True)
    assert agent_of(sent(query=f"{query}&ua=Z", user_agent="Python")) == ("Z", True)
    for one in (f"?{query}", {"idsite": 3, "rec": 1, "cip": "203.0.113.9"}):
        assert agent_of(sent(bulk(one), user_agent="Python")) == ("", True)


def test_who_sends_no_user_agent_is_a_program() -> None:
    query = "idsite=3&rec=1&url=/"
    for request in (sent(query=query), sent(bulk(f"?{query}")), sent(bulk(f"?{query}"), user_agent="")):
        assert agent_of(request) == ("", True)
    for request in (sent(query=query, user_agent="X"), sent(bulk(f"?{query}"), user_agent="X")):
        assert agent_of(request) == ("", False)


def test_many_come_as_json_whatever_the_content_type_says() -> None:
    body = bulk(
        "?idsite=1&rec=1&url=%2Fa", "http://h/matomo.php?idsite=2&rec=1", {"idsite": 3, "rec": 1}, 5, "nonsense"
    )
    expected = ("1", "idsite=1&rec=1&url=%2Fa"), ("2", "idsite=2&rec=1"), ("3", '{"idsite": 3, "rec": 1}')
    for kind in ("application/json", "application/x-www-form-urlencoded; charset=utf-8", ""):
        batch = matomo.split(browsed(body, "queuedtracking=0", content_type=kind))
        assert [(event.site, event.payload) for event in batch.events] == [*expected, ("", "5"), ("", "nonsense")]
    assert refusal(matomo.split, browsed(bulk())) is Refusal.NO_EVENTS
    assert refusal(matomo.split, browsed(bulk(*[{}] * 501))) is Refusal.TOO_MANY_EVENTS
    assert refusal(matomo.split, browsed('{"requests": [')) is Refusal.BAD_JSON
    assert refusal(matomo.split, browsed('{"requests": {}}')) is Refusal.BAD_FIELD


def test_many_come_as_a_form_as_the_python_client_sends_them() -> None:
    one, two = "http://h/matomo.php?idsite=3&rec=1&url=https%3A//e.example/p", "?idsite=4&rec=1&e_c=c&e_a=a"
    batch = matomo.split(browsed(urlencode([("requests", one), ("requests", two), ("token_auth", TOKEN)])))
    assert [event.site for event in batch.events] == ["3", "4"]
    assert [event.payload for event in batch.events] == [one.partition("?")[2], two[1:]]
    assert batch.foreign_secret == TOKEN


@pytest.mark.parametrize(
    "request_",
    [
        browsed(query=f"token_auth={TOKEN}&idsite=3&rec=1", method="GET"),
        browsed(f"token_auth={TOKEN}", "idsite=3&rec=1"),
        browsed(bulk("?idsite=3&rec=1", token_auth=TOKEN)),
        browsed(bulk("?idsite=3&rec=1"), f"token_auth={TOKEN}"),
        browsed(bulk("?idsite=3&rec=1", token_auth=None), f"token_auth={TOKEN}"),
    ],
)
def test_the_token_is_anothers_secret_and_never_kept(request_: wire.Request) -> None:
    batch = matomo.split(request_)
    assert (batch.foreign_secret, batch.secret) == (TOKEN, "")
    assert [event.payload for event in batch.events] == ["idsite=3&rec=1"]


def test_a_token_within_one_of_many_is_not_kept_either() -> None:
    batch = matomo.split(
        browsed(bulk({"idsite": 3, "url": "/é", "token_auth": TOKEN}, f"?idsite=3&token_auth={TOKEN}&x=1"))
    )
    assert [event.payload for event in batch.events] == ['{"idsite":3,"url":"/\\u00e9"}', "idsite=3&x=1"]


@pytest.mark.parametrize(
    ("requests", "envelope", "token"),
    [
        # As the Node client sends it.
        ((f"?idsite=3&token_auth={TOKEN}", "?idsite=3"), {}, TOKEN),
        (({"idsite": 3, "token_auth": TOKEN}, f"?token_auth={TOKEN}"), {}, TOKEN),
        ((f"?idsite=3&token_auth={TOKEN}",), {"token_auth": "envelope"}, "envelope"),
        # One request is let in by one token.
        (("?idsite=3&token_auth=a", "?idsite=4&token_auth=b"), {}, ""),
        (({"idsite": 3, "token_auth": 5}, "?idsite=3&x_token_auth=a", 5), {}, ""),
    ],
)
def test_a_token_within_one_of_many_holds_for_all_unless_they_differ(
    requests: tuple[object, ...], envelope: dict[str, str], token: str
) -> None:
    assert matomo.split(browsed(bulk(*requests, **envelope))).foreign_secret == token
    if all(isinstance(one, str) for one in requests) and not envelope:
        form = urlencode([("requests", one) for one in requests])
        assert matomo.split(browsed(form)).foreign_secret == token


# What they say.


def test_every_field_has_its_place() -> None:
    said = {
        "urlref": "https://google.com/", "action_name": "Hellö", "_id": "3A233120caa44ad1", "uid": "u-42",
        "cdt": "2026-11-20 10:00:00", "ua": "Mozilla/5.0 X", "cip": "203.0.113.9", "res": "800x600", "lang": "et-EE",
        "dimension1": "dim", "cvar": '{"1":["plan","pro"],"2":["bad"],"3":[1,2]}', "_cvar": '[["size",3]]',
        "pf_net": "9", "pf_srv": "2", "h": "23", "m": "59", "s": "1", "rand": "5", "pv_id": "hTkCrG", "bots": "1",
        "_pks": "SKU1", "_pkn": "Shoe",
    }  # fmt: skip
    assert read(**said) == ClientEvent(
        name="pageview",
        url="https://example.com/a",
        referrer="https://google.com/",
        title="Hellö",
        timestamp=dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC),
        client_id="3a233120caa44ad1",
        user_id="u-42",
        props={"dimension1": "dim", "size": "3", "plan": "pro", "product_id": "SKU1", "product_name": "Shoe"},
        screen="800x600",
        language="et-EE",
        from_server=True,
        user_agent="Mozilla/5.0 X",
        address="203.0.113.9",
    )


def test_an_object_says_the_same_as_a_query_string() -> None:
    said = PAGE | {
        "idgoal": "0",
        "ec_id": "O1",
        "revenue": "20",
        "ec_items": '[["S","N","c",10,2]]',
        "cvar": '{"1":["a","b"]}',
    }
    objects = said | {
        "rec": 1,
        "idgoal": 0,
        "revenue": 20,
        "ec_items": [["S", "N", "c", 10, 2]],
        "cvar": {"1": ["a", "b"]},
    }
    assert matomo.read(urlencode(said)) == matomo.read(json.dumps(objects))


@pytest.mark.parametrize("rec", [{"rec": "0"}, {"rec": ""}])
def test_what_is_not_to_be_recorded_is_refused(rec: dict[str, str]) -> None:
    assert refusal(matomo.read, urlencode(PAGE | rec)) is Refusal.BAD_FIELD
    assert refusal(matomo.read, "idsite=3") is Refusal.BAD_FIELD


@pytest.mark.parametrize(
    ("said", "name", "props"),
    [
        ({}, "pageview", {}),
        ({"e_c": "shop", "e_a": "buy", "e_n": "sku", "e_v": "2.5", "ca": "1"}, "buy",
         {"category": "shop", "label": "sku", "value": "2.5"}),
        ({"e_c": "shop"}, "pageview", {}),
        ({"link": "http://other.test/"}, "Outbound Link: Click", {"url": "http://other.test/"}),
        ({"download": "http://site.test/f.pdf"}, "File Download", {"url": "http://site.test/f.pdf"}),
        ({"search": "kass", "search_cat": "cat", "search_count": "7"}, "search",
         {"search_term": "kass", "search_category": "cat", "search_count": "7"}),
        ({"idgoal": "1", "revenue": "9.5"}, "goal", {"goal_id": "1"}),
        ({"idgoal": "-1"}, "pageview", {}),
        ({"c_n": "ad", "c_p": "a.png", "c_t": "http://x/"}, "content_impression",
         {"content": "ad", "piece": "a.png", "target": "http://x/"}),
        ({"c_n": "ad", "c_i": "click"}, "content_interaction", {"content": "ad", "interaction": "click"}),
    ],
)  # fmt: skip
def test_every_action_has_its_name(said: dict[str, str], name: str, props: dict[str, str]) -> None:
    event = read(**said)
    assert (event.name, event.props, event.interactive) == (name, props, name != "content_impression")


def test_a_ping_is_engagement_and_saves_no_visit() -> None:
    event = read(ping="1", action_name="A")
    assert (event.name, event.interactive, event.engagement_ms) == ("engagement", False, 0)


def test_an_action_of_a_plugin_is_refused() -> None:
    assert refusal(matomo.read, urlencode(PAGE | {"ca": "1"})) is Refusal.BAD_FIELD


@pytest.mark.parametrize("items", ['[["SKU","Näme",["c","d"],"10.0",2]]', '["SKU","Näme",["c","d"],"10.0",2]'])
def test_an_order_is_a_purchase_that_counts_once(items: str) -> None:
    order = {"idgoal": "0", "ec_id": "O1", "revenue": "20", "ec_st": "18", "ec_tx": "2", "ec_items": items}
    event = read(**order)
    item = '[{"id":"SKU","name":"Näme","category":"c/d","price":"10.0","quantity":2}]'
    assert (event.name, event.revenue, event.currency) == ("purchase", Decimal(20), "")
    assert event.props == {"order_id": "O1", "items": item, "item_count": "1", "subtotal": "18", "tax": "2"}
    assert event.event_id is not None
    assert event.event_id == read(**order, url="https://example.com/again").event_id
    assert event.event_id != read(**order | {"ec_id": "O2"}).event_id


def test_several_items_in_one_flat_list_are_told_apart() -> None:
    event = read(idgoal="0", ec_id="O", ec_items='["A","a","","1",1,"B","b","","2",1]')
    assert [item["id"] for item in json.loads(event.props["items"])] == ["A", "B"]


@pytest.mark.parametrize("items", ["", "{}", "5", "[", "[[]]", "[[null]]", '[["",1]]', '[{"sku":1}]', "[[[1],[2]]]"])
def test_items_that_cannot_be_read_do_not_cost_the_order(items: str) -> None:
    event = read(idgoal="0", ec_id="O", ec_items=items)
    assert (event.name, event.props.get("items", "[]")) == ("purchase", "[]")


def test_an_order_without_an_id_is_a_cart() -> None:
    event = read(idgoal="0", revenue="20", ec_items='[["SKU","N","c",10,2]]')
    assert (event.name, event.revenue, event.event_id) == ("cart", None, None)
    assert event.props == {
        "value": "20", "item_count": "1",
        "items": '[{"id":"SKU","name":"N","category":"c","price":10,"quantity":2}]',
    }  # fmt: skip


@pytest.mark.parametrize(("revenue", "expected"), [("9.5", Decimal("9.5")), ("", None), ("9,5", None), ("1e400", None)])
def test_a_goal_may_bring_revenue(revenue: str, expected: Decimal | None) -> None:
    assert read(idgoal="7", revenue=revenue).revenue == expected


@pytest.mark.parametrize(
    ("cdt", "cdo", "expected"),
    [
        ("2023-12-23 23:17:54.815561", "", dt.datetime(2023, 12, 23, 23, 17, 54, 815561, tzinfo=dt.UTC)),
        ("1703373474", "", dt.datetime(2023, 12, 23, 23, 17, 54, tzinfo=dt.UTC)),
        ("1703373474", "14", dt.datetime(2023, 12, 23, 23, 17, 40, tzinfo=dt.UTC)),
        ("1703373474", "-14", dt.datetime(2023, 12, 23, 23, 17, 40, tzinfo=dt.UTC)),
        ("5", "10", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        ("yesterday", "", None),
        ("9" * 30, "", None),
        ("", "14", None),
    ],
)
def test_a_time_is_text_in_utc_or_seconds(cdt: str, cdo: str, expected: dt.datetime | None) -> None:
    assert read(cdt=cdt, cdo=cdo).timestamp == expected


@pytest.mark.parametrize(
    ("cid", "own", "expected"),
    [
        ("", "3a233120caa44ad1", "3a233120caa44ad1"),
        ("ffffffffffffffff", "3a233120caa44ad1", "ffffffffffffffff"),
        ("short", "3a233120caa44ad1", "3a233120caa44ad1"),
        ("", "undefined", ""),
        ("", "3a233120caa44ad1ff", ""),
    ],
)
def test_a_visitor_id_has_sixteen_hexadecimal_digits(cid: str, own: str, expected: str) -> None:
    assert read(cid=cid, _id=own).client_id == expected


@pytest.mark.parametrize(
    ("status", "category"), [("200", ""), ("304", ""), ("301", "redirect"), ("404", "error"), ("x", ""), ([1], "")]
)
def test_the_importer_says_which_lines_are_no_pages(status: object, category: str) -> None:
    variables = json.dumps({"1": ["HTTP-code", status]})
    event = read(queuedtracking="0", cvar=variables)
    assert (event.category, event.from_server) == (category, True)
    # A page's own script cannot say so.
    assert read(cvar=variables).category == ""


def test_an_address_that_is_none_costs_the_address_alone() -> None:
    assert (read(url="file:///x").url, read(url="file:///x").name) == ("", "pageview")


# What is answered.


def good(index: int) -> wire.Outcome:
    return wire.Outcome(index, visitor_id=1)


def bad(index: int) -> wire.Outcome:
    return wire.Outcome(index, Refusal.BAD_FIELD, "rec=1 is missing.")


def test_one_event_is_answered_with_an_image_or_with_nothing() -> None:
    image = matomo.answer(sent(query="idsite=3&rec=1", method="GET"), BATCH, [good(0)])
    assert (image.status, image.content_type, len(image.body)) == (200, "image/gif", 43)
    for request in (sent(query="idsite=3&send_image=0"), sent("idsite=3&send_image=0")):
        assert matomo.answer(request, BATCH, [good(0)]) == wire.Reply(204)
    reply = matomo.answer(sent(query="idsite=3&send_image=0"), BATCH, [bad(0)])
    assert (reply.status, reply.body) == (400, b"rec=1 is missing.\n")


@pytest.mark.parametrize("body", [bulk("?idsite=3", "?idsite=3"), "requests=%3Fidsite%3D3&requests=%3Fidsite%3D3"])
def test_of_many_it_is_told_how_many_were_tracked(body: str) -> None:
    def told(*outcomes: wire.Outcome) -> tuple[int, Any]:
        reply = matomo.answer(sent(body), BATCH, outcomes)
        return reply.status, json.loads(reply.body)

    success = {"status": "success", "tracked": 1, "invalid": 1, "invalid_indices": [1]}
    assert told(good(0), bad(1)) == (200, success)
    assert told(good(0), good(1)) == (200, success | {"tracked": 2, "invalid": 0, "invalid_indices": []})
    nothing = {"status": "error", "tracked": 0, "invalid": 2, "invalid_indices": [0, 1], "message": "rec=1 is missing."}
    assert told(bad(0), bad(1)) == (400, nothing)


def test_of_many_nothing_is_told_when_no_image_is_wanted() -> None:
    for image in (0, "0", False):
        assert matomo.answer(sent(bulk({}, send_image=image)), BATCH, [good(0)]) == wire.Reply(204)
    assert matomo.answer(sent(bulk({}, send_image=0)), BATCH, [bad(0)]).status == 400
    assert matomo.answer(sent(bulk({}, send_image=1)), BATCH, [good(0)]).status == 200


def test_a_refusal_of_many_is_json() -> None:
    reply = matomo.refuse(sent('{"requests": ['), Refused(Refusal.BAD_JSON, "Why."), 400)
    assert (reply.status, json.loads(reply.body)) == (
        400, {"status": "error", "tracked": 0, "invalid": 0, "message": "Why."}
    )  # fmt: skip
    assert matomo.refuse(sent("x"), Refused(Refusal.NO_SITE, "Why."), 400).body == b"Why.\n"


def test_who_does_not_want_to_be_counted_hears_no_error() -> None:
    assert matomo.answer(sent(query="idsite=3"), BATCH, [wire.Outcome(0, Refusal.OPTED_OUT, "No.")]) == wire.pixel()


# What the log importer asks before it sends.


def asked(query: str = "", **said: str) -> wire.Reply:
    request = wire.Request("POST", "/", query, {}, urlencode(said).encode())
    return matomo_sites.reply(
        request, {"3": "example.com", "www.example.com": "example.com", "example.com": "example.com"}.get
    )


def test_the_importer_is_told_that_a_site_exists_and_not_whose_it_is() -> None:
    call = {"module": "API", "format": "json", "method": "SitesManager.getSiteFromId", "token_auth": TOKEN}
    site = {"idsite": "3", "name": "3", "main_url": "https://"}
    for reply in (asked(**call, idSite="3"), asked(urlencode(call | {"idSite": "3"}))):
        assert (reply.status, json.loads(reply.body)) == (200, site)
    assert json.loads(asked(**call, idSite="4").body)["result"] == "error"
    named = asked(**call, idSite="example.com")
    assert json.loads(named.body) == {"idsite": "example.com", "name": "example.com", "main_url": "https://example.com"}


@pytest.mark.parametrize(("host", "page"), [("piwik.org", "https://piwik.org/a?b"), (None, "/a?b")])
def test_the_pages_of_its_lines_are_found_behind_what_it_was_told(host: str | None, page: str) -> None:
    call = {"module": "API", "method": "SitesManager.getSiteFromId"}
    told = json.loads(asked(**call, idSite="3").body)["main_url"]
    # As import_logs.py does it.
    prefix = told if host is None else f"{urlsplit(told).scheme}://{host}"
    event = read(url=f"{prefix}/a?b", download=f"{prefix}/a?b", queuedtracking="0")
    assert (event.url, event.props) == (page, {"url": page})


@pytest.mark.parametrize(
    ("url", "found"),
    [("www.example.com", True), ("http://www.example.com:80/a", True), ("b.example", False), ("http://[", False)],
)
def test_the_importer_finds_a_site_by_its_host(url: str, found: bool) -> None:
    reply = asked(module="API", method="SitesManager.getSitesIdFromSiteUrl", url=url)
    assert json.loads(reply.body) == ([{"idsite": "www.example.com"}] if found else [])


def test_the_importer_cannot_make_sites() -> None:
    for method in ("SitesManager.addSite", "SitesManager.getAllSites"):
        assert json.loads(asked(module="API", method=method, urls="x").body)["result"] == "error"


@pytest.mark.parametrize(
    "said",
    [{}, {"module": "API"}, {"module": "API", "method": "UsersManager.getUsers"}, {"method": "SitesManager.addSite"}],
)
def test_nothing_else_is_at_the_root(said: dict[str, str]) -> None:
    assert asked(**said) == wire.Reply(404, b"There is nothing here.\n", "text/plain")
    assert matomo_sites.reply(wire.Request("POST", "/", "", {}, b"\xff"), lambda _: None).status == 404


FIELDS = sorted({key for keys in matomo.KEYS.values() for key in ([keys] if isinstance(keys, str) else keys)})
NAMES = st.sampled_from([*FIELDS, "dimension1"])


@given(st.dictionaries(NAMES, VALUES) | st.dictionaries(NAMES, st.text(max_size=30)), st.booleans())
@settings(max_examples=500, deadline=None)
def test_whatever_the_fields_hold_the_event_is_read_or_refused(said: dict[str, Any], as_json: bool) -> None:
    said = {"idsite": 3, "rec": 1} | said
    if as_json:
        request = sent(json.dumps({"requests": [said]}))
    else:
        request = sent(urlencode({key: str(value).encode(errors="replace") for key, value in said.items()}))
    with contextlib.suppress(Refused):
        for event in matomo.split(request).events:
            assert "\x00" not in event.payload
            storable.check(matomo.read(event.payload))
            matomo.answer(request, BATCH, [good(0)])


@given(st.text(max_size=80) | st.from_regex(r"requests=[\x00-\x7f]{0,40}"), st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_is_split_or_refused(body: str, query: str) -> None:
    request = sent(body.encode(errors="replace"), query)
    with contextlib.suppress(Refused):
        matomo.split(request)
    matomo.refuse(request, Refused(Refusal.BAD_JSON, "x"), 400)
    assert matomo_sites.reply(request, lambda _: None).status == 404


def test_the_event_id_of_an_order_is_a_uuid_whatever_its_length() -> None:
    assert isinstance(read(idgoal="0", ec_id="x" * 5000).event_id, uuid.UUID)
