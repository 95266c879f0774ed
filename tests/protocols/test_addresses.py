"""What every format does alike, at its own address, and what Umami's, Matomo's, Snowplow's and our pixel's answer."""

from __future__ import annotations

import gzip
import itertools
import json
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.sites import models
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

UMAMI = json.dumps({"type": "event", "payload": {"website": "example.com", "url": "/a"}})
SNOWPLOW = json.dumps({"data": [{"e": "pv", "aid": "example.com", "url": "/a"}]})


PAGE_VIEWS = [
    ("POST", "/api/send", UMAMI, 200),
    ("POST", "/api/send/", UMAMI, 200),
    ("POST", "/api/batch", f"[{UMAMI}]", 200),
    ("GET", "/matomo.php?idsite=1&rec=1&url=/a", "", 200),
    ("GET", "/piwik.php/?idsite=1&rec=1&url=/a", "", 200),
    ("POST", "/matomo.php/", "idsite=1&rec=1&url=/a&send_image=0", 204),
    ("POST", "/piwik.php", '{"requests":["?idsite=1&rec=1&url=/a"]}', 200),
    ("POST", "/com.snowplowanalytics.snowplow/tp2", SNOWPLOW, 200),
    ("POST", "/com.acme.my-shop/v1/", SNOWPLOW, 200),
    ("GET", "/i?e=pv&aid=example.com&url=/a", "", 200),
    ("GET", "/i/?e=pv&aid=example.com&url=/a", "", 200),
    ("GET", "/pixel.gif?site=example.com&url=/a", "", 200),
]


def test_a_page_view_is_taken_and_counted(door: Client, site: models.Site) -> None:
    for method, path, body, status in PAGE_VIEWS:
        answer = door.generic(method, path, body, "text/plain", headers={"origin": "https://example.com"})
        assert (answer.status_code, answer["Cache-Control"], answer.cookies) == (status, "no-store", {}), path
        assert answer["Access-Control-Allow-Origin"] == "https://example.com"
    assert stored("event.site_id, name, path") == [(site.pk, "pageview", "/a")] * len(PAGE_VIEWS)


EVERY_POST = [
    ("/v1/events", '{"site":"example.com","events":[{"name":"pageview","url":"/a"}]}', 202),
    ("/api/event", '{"n":"pageview","u":"https://example.com/a"}', 202),
    ("/mp/collect?measurement_id=example.com", '{"client_id":"1.2","events":[{"name":"page_view"}]}', 204),
    ("/g/collect?tid=example.com", "en=page_view&dl=https%3A%2F%2Fexample.com%2Fa", 204),
    ("/api/send", UMAMI, 200),
    ("/api/batch", f"[{UMAMI}]", 200),
    ("/matomo.php", '{"requests":["?idsite=example.com&rec=1&url=/a"]}', 200),
    ("/com.snowplowanalytics.snowplow/tp2", SNOWPLOW, 200),
    ("/v1/batch", '{"writeKey":"example.com","batch":[{"type":"page","anonymousId":"a"}]}', 200),
    ("/batch", '{"api_key":"example.com","batch":[{"event":"$pageview","distinct_id":"d"}]}', 200),
]


def test_neither_content_type_nor_packing_nor_credentials_of_others_change_anything(
    door: Client, site: models.Site
) -> None:
    theirs = {"origin": "https://shop.example", "authorization": "Token None", "cookie": "sessionid=x"}
    kinds = ("text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded", "image/png", "")
    for (path, body, status), kind in itertools.product(EVERY_POST, kinds):
        packed = gzip.compress(body.encode())
        for sent, packing in ((body.encode(), {}), (packed, {}), (packed, {"content-encoding": "gzip"})):
            answer = door.generic("POST", path, sent, kind, headers=theirs | packing)
            assert (answer.status_code, answer.get("X-Recount-Dropped")) == (status, None), (path, kind, packing)
            assert answer["Access-Control-Allow-Origin"] == "https://shop.example"
            assert answer["Access-Control-Allow-Credentials"] == "true"


def test_umami_takes_nothing_but_posts(door: Client) -> None:
    assert [door.generic(method, "/api/send").status_code for method in ("GET", "HEAD", "PUT")] == [405] * 3


def test_there_is_nothing_beside_them(door: Client) -> None:
    beside = ("/api/sent", "/matomo.php/x/y", "/i/x", "/com/tp2", "/.com.acme/tp2")
    assert {door.post(path, b"{}", "application/json").status_code for path in beside} == {404}


def test_the_root_answers_the_log_importer_alone(door: Client, site: models.Site) -> None:
    call = {"module": "API", "method": "SitesManager.getSiteFromId", "idSite": str(site.pk)}
    for path in ("/", "/index.php"):
        told = door.post(path, urlencode(call), "application/x-www-form-urlencoded").json()
        assert told == {"idsite": str(site.pk), "name": str(site.pk), "main_url": "https://"}
        for answer in (
            door.get(path),
            door.post(path, b"module=CoreHome", "text/plain"),
            door.post(path, b"{", "application/json"),
        ):
            assert (answer.status_code, answer.content) == (404, b"There is nothing here.\n")


def test_a_pixel_is_on_the_page_that_shows_it(door: Client, site: models.Site) -> None:
    answer = door.get(
        "/pixel.gif?site=example.com&title=T%C3%A9st&p.list=weekly",
        headers={"referer": "https://example.com/mail?token=1234&utm_source=nl"},
    )
    assert (answer.status_code, answer["Content-Type"], len(answer.content)) == (200, "image/gif", 43)
    assert stored("name, path, title, props, utm_source") == [("pageview", "/mail", "Tést", {"list": "weekly"}, "nl")]
    ((payload,),) = stored("payload")
    assert "1234" not in payload


def test_a_pixel_of_an_unknown_site_is_an_image_all_the_same(door: Client, site: models.Site) -> None:
    answer = door.get("/pixel.gif?site=other.example")
    assert (answer.status_code, len(answer.content), answer["X-Recount-Dropped"]) == (400, 43, "unknown_site=1")


def test_who_asks_for_anonymity_is_counted_without_ids(door: Client, site: models.Site) -> None:
    said = {"e": "pv", "aid": "example.com", "url": "/a", "duid": "d1", "uid": "u1", "ip": "203.0.113.9"}
    body = json.dumps({"data": [said]})
    path = "/com.snowplowanalytics.snowplow/tp2"
    asked = door.options(
        path, headers={"access-control-request-headers": "SP-Anonymous", "origin": "https://a.example"}
    )
    assert asked["Access-Control-Allow-Headers"] == "SP-Anonymous"
    assert door.post(path, body, "application/json", headers={"sp-anonymous": "*"}).status_code == 200
    assert door.post(path, body, "application/json").status_code == 200
    assert stored("event.cookieless, payload LIKE '%d1%'") == [(True, False), (False, True)]
