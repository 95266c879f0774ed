"""What cannot be read of one event costs that event alone, in every format that takes several."""

from __future__ import annotations

import pytest
from django.test import Client

from analytics.pipeline import books
from analytics.sites import models
from tests.protocols.replays import stored

pytestmark = pytest.mark.database

SEVERAL: dict[str, tuple[str, str, str]] = {
    "/v1/events": ('{"site":"example.com","events":[%s]}', '{"name":"%s","props":{"n":%s}}', ""),
    "/mp/collect?measurement_id=example.com": (
        '{"client_id":"c","events":[%s]}', '{"name":"%s","params":{"n":%s}}', ""
    ),
    "/api/batch": (
        "[%s]", '{"type":"event","payload":{"website":"example.com","name":"%s","url":"/","data":{"n":%s}}}', ""
    ),
    "/v1/batch": (
        '{"batch":[%s]}', '{"type":"track","event":"%s","userId":"u","properties":{"n":%s}}', "Basic ZXhhbXBsZS5jb206"
    ),
    "/batch": ('{"api_key":"example.com","batch":[%s]}', '{"event":"%s","distinct_id":"u","properties":{"n":%s}}', ""),
    "/e": ("[%s]", '{"token":"example.com","event":"%s","distinct_id":"u","properties":{"n":%s}}', ""),
    "/i/v1/analytics/events": (
        '{"batch":[%s]}', '{"event":"%s","distinct_id":"u","properties":{"n":%s}}', "Bearer example.com"
    ),
    "/matomo.php": ('{"requests":[%s]}', '{"idsite":"example.com","rec":1,"e_c":"c","e_a":"%s","e_v":%s}', ""),
    "/com.snowplowanalytics.snowplow/tp2": (
        '{"data":[%s]}', '{"aid":"example.com","e":"se","se_ac":"%s","se_va":%s}', ""
    ),
}  # fmt: skip
"""Path → (a request of several, an event with a name and a number, the authorization)."""


def test_a_number_that_no_double_holds_costs_its_own_event_wherever_it_stands(door: Client, site: models.Site) -> None:
    for path, (request, event, authorization) in SEVERAL.items():
        good, bad = event % (path, "1"), event % (path, "1e400")
        for events in ((good, bad), (bad, good)):
            headers = {"authorization": authorization} if authorization else {}
            answer = door.post(path, request % ",".join(events), "text/plain", headers=headers)
            assert answer.status_code in {200, 202, 204}, path
            assert answer["X-Recount-Dropped"] in {"bad_field=1", "unknown_site=1"}, path
    assert [name for (name,) in stored("name")] == [path for path in SEVERAL for _ in range(2)]
    assert books.balance().holds
