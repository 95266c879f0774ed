"""Path → protocol: the one table."""

from django.urls import path, re_path

from analytics.ingest import views
from analytics.protocols import plausible, recount

PROTOCOLS = (
    (r"v1/events", recount),
    (r"api/event", plausible),
)
"""(pattern of the path, protocol); a slash behind it changes nothing."""
ASIDES: tuple[tuple[str, object, object], ...] = ()
"""(pattern, protocol, function): what clients also ask for. See views.Aside."""

urlpatterns = [
    *(re_path(rf"^{at}/?$", views.Collect.as_view(protocol=protocol)) for at, protocol in PROTOCOLS),
    *(re_path(rf"^{at}/?$", views.Aside.as_view(protocol=module, reply=reply)) for at, module, reply in ASIDES),
    path("js/recount.js", views.script),
    path("health/live", views.live),
    path("health/ready", views.ready),
    re_path("", views.nothing),
]
