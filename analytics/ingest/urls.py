"""Path → protocol: the one table."""

from django.urls import path, re_path

from analytics.ingest import views
from analytics.protocols import plausible, recount

PROTOCOLS = (
    ("v1/events", recount),
    ("api/event", plausible),
)

urlpatterns = [
    *(path(at, views.Collect.as_view(protocol=protocol)) for at, protocol in PROTOCOLS),
    *(path(f"{at}/", views.Collect.as_view(protocol=protocol)) for at, protocol in PROTOCOLS),
    path("js/recount.js", views.script),
    path("health/live", views.live),
    path("health/ready", views.ready),
    re_path("", views.nothing),
]
