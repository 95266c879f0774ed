"""Goals and segments in the staff portal."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics.sites import models, saved
from tests.dashboard.test_pages import text

pytestmark = pytest.mark.database


@pytest.fixture
def staff(stores: None, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


def test_a_goal_is_made(staff: Client, site: models.Site) -> None:
    goal = {"site": site.pk, "name": "Bought", "kind": "page", "pattern": "/thanks/**", "props": "{}"}
    assert staff.post("/admin/sites/goal/add/", goal).status_code == 302
    assert saved.Goal.objects.get(site=site).pattern == "/thanks/**"
    assert "Bought" in text(staff.get("/admin/sites/goal/"))


def test_a_segment_is_made(staff: Client, site: models.Site) -> None:
    segment = {"site": site.pk, "name": "Estonia", "filters": '[["is", "visit:country", ["EE"]]]'}
    assert staff.post("/admin/sites/segment/add/", segment).status_code == 302
    assert saved.Segment.objects.get(site=site).filters == [["is", "visit:country", ["EE"]]]
    assert "Estonia" in text(staff.get("/admin/sites/segment/"))


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ('[["is", "visit:land", ["EE"]]]', "there is no dimension 'visit:land'"),
        ('[["ist", "visit:country", ["EE"]]]', "there is no operator 'ist'"),
        ('{"is": "EE"}', "must be a list of filters"),
        ("[]", "Write a list of filters"),
    ],
)
def test_a_segment_that_no_question_could_use_is_refused(
    staff: Client, site: models.Site, filters: str, said: str
) -> None:
    page = staff.post("/admin/sites/segment/add/", {"site": site.pk, "name": "Broken", "filters": filters})
    assert said in text(page)
    assert not saved.Segment.objects.exists()
