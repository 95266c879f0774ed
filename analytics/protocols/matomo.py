"""Matomo's Tracking HTTP API: GET or POST /matomo.php (or /piwik.php), parameters in the query string or a form.

Many events come as JSON, `{"requests": ["?idsite=1&rec=1&…", {"idsite": 1, …}], "token_auth": …}`, or as a form of
`requests`, whatever the content type says.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from analytics.events import ENGAGEMENT, PAGEVIEW, PURCHASE, ClientEvent, Limits, Refusal, Refused
from analytics.protocols import clean, flat, lenient, matomo_bulk, shop, wire

NAME = "matomo"
IDS = "matomo"
METHODS = ("GET", "POST")
KEYS = {
    "site": "idsite",
    "record": "rec",
    "token": "token_auth",
    "image": "send_image",
    "url": "url",
    "referrer": "urlref",
    "title": "action_name",
    "client_id": ("cid", "_id"),
    "user_id": "uid",
    "timestamp": ("cdt", "cdo"),
    "user_agent": "ua",
    "address": "cip",
    "import": "queuedtracking",
    "screen": "res",
    "language": "lang",
    "ping": "ping",
    "goal": ("idgoal", "revenue"),
    "order": ("ec_id", "ec_items", "ec_st", "ec_tx", "ec_sh", "ec_dt"),
    "content": ("c_n", "c_p", "c_t", "c_i"),
    "click": ("download", "link"),
    "event": ("e_c", "e_a", "e_n", "e_v"),
    "search": ("search", "search_cat", "search_count"),
    "plugin": "ca",
    "variables": ("_cvar", "cvar", "e_cvar"),
    "dimension": "dimensionN",
    "product": ("_pks", "_pkn", "_pkc", "_pkp"),
}
"""Ours → Matomo's."""

_OF_PROGRAMS = ("ua", "cip", "queuedtracking")
"""What a browser never says."""
_VISITOR = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
_DIMENSION = re.compile(r"dimension\d{1,4}", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
_LONGEST_OFFSET_SECONDS = 20 * 365 * 86400
_SUMS = {"ec_st": "subtotal", "ec_tx": "tax", "ec_sh": "shipping", "ec_dt": "discount"}
_CONTENT = {"c_n": "content", "c_p": "piece", "c_t": "target", "c_i": "interaction"}
_CLICKS = {"download": "File Download", "link": "Outbound Link: Click"}
_EVENT = {"e_c": "category", "e_n": "label", "e_v": "value"}
_SEARCH = {"search": "search_term", "search_cat": "search_category", "search_count": "search_count"}
_PRODUCT = {"_pks": "product_id", "_pkn": "product_name", "_pkc": "product_category", "_pkp": "product_price"}
_ITEM = ("id", "name", "category", "price", "quantity")


class _Action(msgspec.Struct, frozen=True):
    """What was done on the page."""

    name: str
    props: Mapping[str, Any] = {}
    interactive: bool = True
    revenue: Decimal | None = None
    order: str = ""


def split(request: wire.Request) -> wire.Batch:
    """One event, or each of `requests`. Raises Refused."""
    text = wire.text(request)
    bulk = matomo_bulk.read(text, wire.parameters(flat.asked(request)).get("token_auth", ""))
    if bulk is None:
        return _single(request, text)
    events = tuple(_one_of_many(payload, request) for payload in bulk.payloads)
    return wire.Batch(events=events, foreign_secret=bulk.token)


def _one_of_many(payload: str, request: wire.Request) -> wire.Addressed:
    """What cannot be read is for no site, which then concerns that event alone."""
    try:
        said = flat.read(payload)
    except Refused:
        return wire.Addressed("", payload)
    if payload[:1] != "{":
        payload = _with_agent(payload, said, "" if said.get("cip") else request.headers.get("user-agent", ""))
    return wire.Addressed(said.get("idsite", ""), payload)


def _single(request: wire.Request, text: str) -> wire.Batch:
    payload = flat.query(text.strip(), flat.asked(request))
    said = flat.read(payload)
    if not said.get("idsite"):
        raise Refused(Refusal.NO_SITE, "idsite is missing.")
    if not (said.get("url") or said.get("urlref")):
        payload = flat.with_(payload, "url", request.headers.get("referer", "")[: Limits.URL_CHARS])
    payload = flat.without(_with_agent(payload, said, request.headers.get("user-agent", "")), matomo_bulk.TOKEN)
    return wire.Batch(events=(wire.Addressed(said["idsite"], payload),), foreign_secret=said.get("token_auth", ""))


def _with_agent(payload: str, said: Mapping[str, str], agent: str) -> str:
    """A program has no user agent, or passes on the visitor's along with the address: it belongs to the event."""
    if "ua" in said or (agent and not said.get("cip")):
        return payload
    return flat.with_(payload, "ua", agent[: Limits.USER_AGENT_CHARS]) if agent else flat.query(payload, "ua=")


def read(payload: str) -> ClientEvent:
    """Raises Refused."""
    said = flat.read(payload)
    if said.get("rec") not in {"1", "true"}:
        raise Refused(Refusal.BAD_FIELD, "rec=1 is missing.")
    action = _action(said)
    dimensions = {key: value for key, value in said.items() if _DIMENSION.fullmatch(key)}
    variables = dict(_variables(said))
    return ClientEvent(
        name=clean.name(action.name),
        url=lenient.url(_with_path_alone(said.get("url", ""))),
        referrer=clean.text(said.get("urlref"), Limits.URL_CHARS),
        title=clean.text(said.get("action_name"), Limits.TITLE_CHARS),
        # As at Matomo, an order counts once, however often its page is loaded.
        event_id=clean.event_id(f"order {action.order[:200]}") if action.order else None,
        timestamp=_timestamp(said),
        client_id=next((said[key].lower() for key in ("cid", "_id") if _VISITOR.fullmatch(said.get(key, ""))), ""),
        user_id=clean.someone(said.get("uid")),
        props=lenient.props({**dimensions, **variables, **action.props}),
        revenue=action.revenue,
        interactive=action.interactive,
        screen=clean.screen(said.get("res")),
        language=lenient.language(said.get("lang")),
        category=_category(variables.get("HTTP-code")) if "queuedtracking" in said else "",
        from_server=any(key in said for key in _OF_PROGRAMS),
        user_agent=clean.text(said.get("ua"), Limits.USER_AGENT_CHARS),
        address=clean.text(said.get("cip"), 64),
    )


def _with_path_alone(address: str) -> str:
    """The importer puts `https://` before the paths of a log that names no host; see matomo_sites."""
    return address[len("https://") :] if address.startswith("https:///") else address


def _action(said: Mapping[str, str]) -> _Action:
    """What Matomo would make of it; what fits nothing else is a page view. Raises Refused."""
    if said.get("ping") == "1":
        return _Action(ENGAGEMENT, interactive=False)
    if _NUMBER.fullmatch(said.get("idgoal", "")):
        return _goal(said)
    if said.get("c_n"):
        seen = not said.get("c_i")
        return _Action("content_impression" if seen else "content_interaction", _renamed(said, _CONTENT), not seen)
    for key, name in _CLICKS.items():
        if said.get(key):
            return _Action(name, {"url": _with_path_alone(said[key])})
    if said.get("e_c") and said.get("e_a"):
        return _Action(said["e_a"], _renamed(said, _EVENT))
    if said.get("search"):
        return _Action("search", _renamed(said, _SEARCH))
    if said.get("ca") == "1":
        raise Refused(Refusal.BAD_FIELD, "ca=1 is for a plugin of Matomo that there is no equivalent of.")
    return _Action(PAGEVIEW, _renamed(said, _PRODUCT))


def _goal(said: Mapping[str, str]) -> _Action:
    """An order, a cart (goal 0 without an order), or a goal that was reached."""
    # Without a currency: at Matomo it is always the site's.
    revenue, _ = flat.money(said.get("revenue"), "")
    if int(float(said["idgoal"])):
        return _Action("goal", {"goal_id": said["idgoal"]}, revenue=revenue)
    props = shop.order(said.get("ec_id"), _items(said.get("ec_items", ""))) | _renamed(said, _SUMS)
    if said.get("ec_id"):
        return _Action(PURCHASE, props, revenue=revenue, order=said["ec_id"])
    return _Action("cart", props | _renamed(said, {"revenue": "value"}))


def _items(given: str) -> Iterator[dict[str, Any]]:
    """`[[sku, name, category, price, quantity], …]`, or the same in one flat list, as the Python client sends it."""
    rows = flat.json(given)
    if not isinstance(rows, list):
        return
    if rows and not isinstance(rows[0], list):
        rows = [rows[at : at + len(_ITEM)] for at in range(0, len(rows), len(_ITEM))]
    for row in rows:
        item = dict(zip(_ITEM, row, strict=False)) if isinstance(row, list) else {}
        if isinstance(item.get("category"), list):
            item["category"] = "/".join(one for one in item["category"] if isinstance(one, str))
        if item.get("id"):
            yield item


def _renamed(said: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {ours: said[theirs] for theirs, ours in names.items() if said.get(theirs)}


def _variables(said: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Custom variables: `{"1": ["name", "value"]}`, of the visit and of the page."""
    for key in ("_cvar", "cvar", "e_cvar"):
        found = flat.json(said.get(key, ""))
        pairs = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        for pair in pairs:
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):
                yield pair[0], pair[1]


def _category(status: object) -> str:
    """Why the importer's line is no page: it says the status of the answer in a custom variable."""
    code = clean.whole(status, 999) if isinstance(status, (str, int)) else 0
    return "error" if code >= 400 else "redirect" if 300 <= code < 400 and code != 304 else ""


def _timestamp(said: Mapping[str, str]) -> dt.datetime | None:
    """`cdt`, as text in UTC or in seconds since 1970, less `cdo` seconds; what is no time counts as none."""
    given = said.get("cdt", "").strip()
    moment = lenient.moment(float(given) if _NUMBER.fullmatch(given) else given)
    offset = dt.timedelta(seconds=clean.whole(said.get("cdo", "").lstrip("-"), _LONGEST_OFFSET_SECONDS))
    return moment and max(moment - offset, clean.EARLIEST)


def answer(request: wire.Request, _: wire.Batch, outcomes: Sequence[wire.Outcome]) -> wire.Reply:
    """A GIF, or nothing when `send_image=0`; of many events, how many were tracked. 400 when none was."""
    text = wire.text(request)
    nothing = lenient.all_refused(outcomes)
    if not matomo_bulk.is_bulk(text):
        if nothing:
            return refuse(request, nothing, 400)
        wanted = flat.read(flat.query(text.strip(), flat.asked(request))).get("send_image") != "0"
        return wire.pixel() if wanted else wire.Reply(204)
    if not nothing and matomo_bulk.wants_no_answer(text):
        return wire.Reply(204)
    wrong = [one.index for one in outcomes if one.refused is not None]
    done = {"tracked": len(outcomes) - len(wrong), "invalid": len(wrong), "invalid_indices": wrong}
    if nothing:
        return wire.Reply(400, msgspec.json.encode({"status": "error"} | done | {"message": nothing.message}))
    return wire.Reply(200, msgspec.json.encode({"status": "success"} | done))


def refuse(request: wire.Request, refused: Refused, status: int) -> wire.Reply:
    """The whole request is refused."""
    if b"requests" in request.body:
        error = {"status": "error", "tracked": 0, "invalid": 0, "message": refused.message}
        return wire.Reply(status, msgspec.json.encode(error))
    return wire.Reply(status, f"{refused.message}\n".encode(), "text/plain")
