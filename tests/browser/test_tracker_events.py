"""The events that the tracker finds by itself, and those that a page names."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.browser.visitor import Visitor, named

pytestmark = pytest.mark.browser


LINKS = """
<a id="out" href="http://elsewhere.test/page?q=1">out</a>
<a id="within" href="/within">within</a>
<a id="file" href="/files/Report.PDF?v=2"><b>file</b></a>
<a id="saved" href="/export" download>saved</a>
<a id="far-file" href="http://elsewhere.test/a.zip">file elsewhere</a>
<a id="mail" href="mailto:someone@example.com">mail</a>
<p>nothing</p>
<my-link></my-link>
<script>
var hostname = "a page's own variable", href = hostname;
document.querySelector("my-link").attachShadow({mode: "open"}).innerHTML = "<a href='//shadow.test/'>in the shadow</a>";
document.addEventListener("click", event => { event.preventDefault(); event.stopImmediatePropagation(); }, true);
</script>"""


def test_links_to_other_sites_and_files_are_counted(visitor: Visitor) -> None:
    visitor.page("/", LINKS)
    tab = visitor.open("/")
    for selector in ("#out", "#within", "#file b", "#saved", "#far-file", "#mail", "p", "my-link a"):
        tab.click(selector)
    tab.click("#out", button="middle")
    tab.click("#out", button="right")
    outbound, download = "Outbound Link: Click", "File Download"
    clicks = visitor.stored(7)[1:]
    origin = visitor.origin
    assert [(event.name, event.props) for event in clicks] == [
        (outbound, {"url": "http://elsewhere.test/page?q=1"}),
        (download, {"url": f"{origin}/files/Report.PDF"}),
        (download, {"url": f"{origin}/export"}),
        (download, {"url": "http://elsewhere.test/a.zip"}),
        (outbound, {"url": "http://shadow.test/"}),
        (outbound, {"url": "http://elsewhere.test/page?q=1"}),
    ]
    assert {event.path for event in clicks} == {"/"}


def test_a_click_that_leaves_the_page_is_counted_with_what_was_read(visitor: Visitor) -> None:
    visitor.page("/", f"<a href='http://elsewhere.test:{visitor.pages.port}/there'>out</a>")
    visitor.page("/there", head="<!-- no tracker -->")
    tab = visitor.open("/")
    with tab.expect_navigation():
        tab.click("a")
    events = visitor.stored(4)
    assert [event.name for event in events] == ["pageview", "Outbound Link: Click", "engagement", "web_vitals"]


TAGGED = """
<button id="one" data-recount-event="Sign up" data-recount-plan="pro" data-recount-seats="3"><i>x</i></button>
<span id="two" class="big recount-event-name=Sign+up recount-event-plan=pro+plus">x</span>
<div class="plausible-event-name=Book+now plausible-event-size--L"><a id="three" href="http://elsewhere.test/">x</a></div>
<button id="four" data-recount-event="Buy" data-recount-revenue-amount="9.90" data-recount-revenue-currency="EUR">
x</button>
<a id="five" class="plausible-event-name--Buy plausible-revenue-amount=1299.5 plausible-revenue-currency=usd">x</a>
<svg width="9" height="9" class="recount-event-name=Logo"><rect id="six" width="9" height="9"/></svg>
<button id="seven" data-recount-plan="pro">x</button>
<script>document.addEventListener("click", event => event.preventDefault());</script>"""


def test_elements_are_tagged_by_attributes_and_by_classes(visitor: Visitor) -> None:
    visitor.page("/", TAGGED)
    tab = visitor.open("/")
    for selector in ("#one i", "#two", "#three", "#four", "#five", "#six", "#seven"):
        tab.click(selector)
    clicks = visitor.stored(7)[1:]
    assert [(event.name, event.props, event.revenue, event.currency) for event in clicks] == [
        ("Sign up", {"plan": "pro", "seats": "3"}, None, ""),
        ("Sign up", {"plan": "pro plus"}, None, ""),
        ("Book now", {"size": "L", "url": "http://elsewhere.test/"}, None, ""),
        ("Buy", {}, Decimal("9.9000"), "EUR"),
        ("Buy", {}, Decimal("1299.5000"), "USD"),
        ("Logo", {}, None, ""),
    ]


FORMS = """
<form id="plain"><input name="q" required><button>x</button></form>
<form id="tagged" data-recount-event="Newsletter" data-recount-list="weekly"><input><button>x</button></form>
<form id="odd"><input name="hostname"><input name="href"><input name="method"><p>text</p></form>
<script>document.addEventListener("submit", event => event.preventDefault());</script>"""


def test_forms_are_counted_when_they_are_sent(visitor: Visitor) -> None:
    visitor.page("/contact", FORMS)
    tab = visitor.open("/contact")
    tab.click("#plain button")  # the browser refuses: a field is empty
    tab.fill("#plain input", "something private")
    tab.click("#plain button")
    tab.click("#tagged input")
    tab.click("#odd p")  # its fields make it look like a link
    tab.click("#tagged button")
    events = visitor.stored(3)[1:]
    assert [(event.name, event.props) for event in events] == [
        ("Form: Submission", {"path": "/contact"}),
        ("Newsletter", {"list": "weekly"}),
    ]
    assert not any("private" in (post.post_data or "") for post in visitor.posts)


def test_pages_that_were_not_found(visitor: Visitor) -> None:
    visitor.page(
        "/called", "<script>addEventListener('load', () => recount('404', {props: {from: 'router'}}))</script>"
    )
    visitor.page("/tagged", tag="data-404")
    visitor.page("/meta", head=f"<meta data-404>{visitor.tag()}")
    for path in ("/called", "/tagged", "/meta"):
        visitor.open(path)
    missing = named(visitor.stored(6), "404")
    assert [(event.path, event.props, event.interactive) for event in missing] == [
        ("/called", {"path": "/called", "from": "router"}, False),
        ("/tagged", {"path": "/tagged"}, False),
        ("/meta", {"path": "/meta"}, False),
    ]


STUB = """<script>
window.recount = window.recount || ((...call) => (recount.q = recount.q || []).push(call));
recount("Broken", {url: "http://["});
recount("Early", {props: {n: 1}});
</script>"""


def test_own_events_before_and_after_the_script_has_loaded(visitor: Visitor) -> None:
    visitor.page("/", head=STUB + visitor.tag('data-prop-author="Jüri" data-prop-page-kind="post"'))
    tab = visitor.open("/")
    visitor.do(
        tab,
        """
        const props = {plan: "pro", seats: 3, trial: true, nothing: null};
        recount("Signup", {props, revenue: {amount: 29.9, currency: "EUR"}});
        props.plan = "changed since";
        props.itself = props;
        recount("Broken", {props});
        recount("Saw", {interactive: false, props: {author: "Ann"}});
        recount("identify", {user_id: "42", interactive: false});
        """,
    )
    view, early, signup, saw, identify = visitor.stored(5)
    everywhere = {"author": "Jüri", "page-kind": "post"}
    assert (view.name, view.props) == ("pageview", everywhere)
    assert (early.name, early.props) == ("Early", everywhere | {"n": "1"})
    assert signup.props == everywhere | {"plan": "pro", "seats": "3", "trial": "true"}
    assert (signup.revenue, signup.currency, signup.interactive) == (Decimal("29.9000"), "EUR", True)
    assert (saw.props["author"], saw.interactive) == ("Ann", False)
    assert identify.payload["user_id"] == "42"
    assert len(visitor.posts) == 2
