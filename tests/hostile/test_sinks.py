"""L. Where everything ends up: pages, links, scripts, files and answers (catalogue 157 to 171)."""

from __future__ import annotations

import csv
import io
import json
import uuid

import pyarrow.parquet as pq
import pytest

from analytics.lake import export
from analytics.reports import catalog
from analytics.sites import create, goals, models
from tests import shared
from tests.hostile.running import CHROME, Pool
from tests.hostile.sinks import Outline, Reader

pytestmark = pytest.mark.flow
HOSTILE = {
    "157-script": "<script>alert(1)</script>",
    "157-image": "<img src=x onerror=alert(1)>",
    "157-svg": "\"><svg/onload=alert(1)>",
    "157-template": "{{7*7}}{% debug %}${7*7}",
    "158-end-of-script": "</script><script>alert(1)</script>",
    "158-line-separator": "a\u2028b\u2029c",
    "158-comment": "<!--<script>",
    "159-style": "<style>body{display:none}</style>",
    "159-link": "javascript:alert(1)",
    "160-formula": "=1+1",
    "160-plus": "+1",
    "160-minus": "-1",
    "160-at": "@SUM(1)",
    "160-tab": "\t=1+1",
    "160-full-width": "\uff1d1+1",
    "161-quotes": 'a";b\nc,d\ufeff',
    "162-hyperlink": '=HYPERLINK("http://evil.example","x")',
    "162-command": "=cmd|' /C calc'!A0",
    "164-wildcards": "100%_\\",
    "166-log": "x\n2026-01-01 ERROR root all is lost\x1b[2J",
    "168-column": '"; DROP TABLE hit; --',
    "169-key": "a.b\"]'$[0]",
    "171-proto": "__proto__",
    "171-constructor": "constructor",
}  # fmt: skip


def event(text: str) -> dict[str, object]:
    """The text wherever a client may write one."""
    plain = text.replace("\n", "%0a").replace("#", "%23").replace("?", "%3f")
    return {
        "name": f"x{text}", "title": text, "url": f"https://sinks.example/{plain}?utm_source={plain}&utm_medium={plain}"
        f"&utm_campaign={plain}&utm_content={plain}&utm_term={plain}", "referrer": f"https://r.example/{plain}",
        "visitor_id": text, "user_agent": f"{CHROME} {text}", "language": text, "props": {f"k{text}": text},
    }  # fmt: skip


def site_with(pool: Pool, domain: str, texts: list[str]) -> Reader:
    site = create.site(domain, organisation="Test").site
    for at in range(0, len(texts), 500):
        assert pool.send(*map(event, texts[at : at + 500]), site=domain).status == 202
    pool.drain()
    export.export("hits")
    export.export("events")
    return Reader(site)


@pytest.fixture(scope="module")
def shown(pool: Pool) -> Reader:
    return site_with(pool, "sinks.example", list(HOSTILE.values()))


@pytest.fixture(scope="module")
def naughty(pool: Pool) -> Reader:
    return site_with(
        pool, "naughty.example", [text for text in shared.read_json("data/naughty_strings/blns.json") if text]
    )


@pytest.fixture(scope="module")
def calm(pool: Pool) -> Reader:
    """The same with texts that mean no harm."""
    return site_with(pool, "calm.example", [f"text {uuid.uuid4()}" for _ in HOSTILE])


def can_act(element: tuple[str, str]) -> bool:
    """Whether an element or attribute could do something that a text should not."""
    tag, attribute = element
    acting = {
        "script",
        "style",
        "img",
        "svg",
        "iframe",
        "object",
        "embed",
        "base",
        "meta",
        "link",
        "form",
        "input",
        "video",
    }
    return tag in acting or attribute.startswith("on") or attribute in {"style", "srcdoc", "formaction", "xlink:href"}


def test_157_to_159_what_visitors_send_adds_nothing_that_acts_to_any_page(
    shown: Reader, calm: Reader, naughty: Reader
) -> None:
    ordinary = {one for page in calm.pages().values() for one in Outline(page).elements if can_act(one)}
    assert ("script", "src") in ordinary
    for reader in (shown, naughty):
        for address, page in reader.pages().items():
            found = Outline(page)
            assert {one for one in found.elements if can_act(one)} <= ordinary, address
            assert not any(
                link.strip().lower().startswith(("javascript:", "data:", "vbscript:")) for link in found.links
            )


def test_157_hostile_texts_are_shown_as_text(shown: Reader) -> None:
    everything = "".join(shown.pages().values())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in everything
    assert "<script>alert(1)" not in everything
    assert "{{7*7}}" in everything


def test_158_what_pages_give_their_scripts_is_json(shown: Reader, naughty: Reader) -> None:
    for reader in (shown, naughty):
        for page in reader.pages().values():
            for script in filter(str.strip, Outline(page).scripts):
                assert json.loads(script) is not None


@pytest.mark.parametrize("who", ["shown", "naughty"], ids=["160-to-162-hostile", "160-to-162-naughty"])
def test_no_cell_of_a_csv_is_a_formula(who: str, request: pytest.FixtureRequest) -> None:
    reader: Reader = request.getfixturevalue(who)
    rows = list(csv.reader(io.StringIO(reader.download("csv").decode())))
    assert len(rows) > 20
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows[1:]:
        for name, cell in zip(rows[0], row, strict=True):
            # Numbers of our own may be negative.
            assert name in {"visitor_id", "visit_id"} or not cell.startswith(
                ("=", "+", "-", "@", "\t", "\r", "\uff1d")
            ), (name, cell)


def test_160_a_parquet_file_has_the_texts_as_they_are(shown: Reader) -> None:
    table = pq.read_table(io.BytesIO(shown.download("parquet")))
    assert {*HOSTILE.values()} <= {*table.column("title").to_pylist()}


def test_the_api_tells_names_as_they_are(shown: Reader) -> None:
    names = {f"x{text}" for text in HOSTILE.values()}
    for name in names:
        goals.add(shown.site, "event", name)
    assert shown.values("event:name") == shown.values("event:goal") == names
    for name, dimension in catalog.DIMENSIONS.items():
        if dimension.scope in {"event", "visit"} and not name.startswith(catalog.PROPS):
            assert shown.values(name), name


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_found_by_a_filter_that_means_it(shown: Reader, text: str) -> None:
    for dimension, value in (("event:name", f"x{text}"), (f"event:props:k{text}", text)):
        found = shown.ask(metrics=["events"], filters=[["is", dimension, [value]]])
        assert found["results"][0]["metrics"] == [1], dimension
    found = shown.ask(metrics=["events"], filters=[["contains", "event:name", [text]]])
    assert found["results"][0]["metrics"][0] >= 1


def test_163_what_is_no_dimension_is_no_sql(pool: Pool, shown: Reader) -> None:
    assert models.Site.objects.filter(pk=pool.site.pk).exists()
    for name in ("ts); DROP TABLE hit; --", 'event:name"', "event:props:" + "k" * 5000, "1", "*"):
        body = {"site_id": "sinks.example", "date_range": "7d", "metrics": ["events"], "dimensions": [name]}
        answer = shown.client.post(
            "/api/v2/query", json.dumps(body), "application/json", headers={"Authorization": f"Bearer {shown._key}"}
        )
        assert answer.status_code in {200, 400}


def test_170_a_huge_cell_is_cut_at_the_door(pool: Pool) -> None:
    row = pool.one(title="x" * 30_000)
    assert isinstance(row, dict)
    assert len(row["title"]) == 512
