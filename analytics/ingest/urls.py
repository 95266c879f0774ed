"""Path → protocol: the one table."""

from django.urls import path, re_path

from analytics.ingest import openapi, views
from analytics.protocols import (
    ga4,
    ga4_debug,
    gtag,
    matomo,
    matomo_sites,
    pixel,
    plausible,
    posthog,
    posthog_helpers,
    posthog_v1,
    recount,
    segment,
    segment_pixel,
    snowplow,
    umami,
)

PROTOCOLS = (
    (r"v1/events", recount),
    (r"api/event", plausible),
    (r"mp/collect", ga4),
    (r"g/collect", gtag),
    (r"v1/(?:identify|track|page|screen|group|alias|batch|import|merge|[itpsgab])", segment),
    (r"beacon/v1/batch", segment),
    (r"pixel/v1/(?:track|page)", segment_pixel),
    (r"v1/pixel/(?:identify|track|page|screen|group|alias)", segment_pixel),
    (r"(?:e|capture|batch|track|engage|i/v0/(?:e|ai/batch))", posthog),
    (r"i/v1/analytics/events", posthog_v1),
    (r"api/(?:send|batch)", umami),
    (r"(?:matomo|piwik)\.php", matomo),
    (r"[a-z][\w-]*(?:\.[a-z][\w-]*)+/[\w.-]+", snowplow),
    (r"i", snowplow),
    (r"pixel\.gif", pixel),
)
"""(pattern of the path, protocol); a slash behind it changes nothing."""
ASIDES: tuple[tuple[str, object, object], ...] = (
    (r"debug/mp/collect", ga4, ga4_debug.reply),
    (r"sourceConfig", segment_pixel, segment_pixel.source_config),
    (r"(?:flags|decide)", posthog, posthog_helpers.flags),
    (r"array/[\w.-]{1,200}/config(?:\.js)?", posthog, posthog_helpers.config),
    (r"(?:index\.php)?", matomo, matomo_sites.reply),
)
"""(pattern, protocol, function): what clients also ask for. See views.Aside."""

urlpatterns = [
    *(re_path(rf"^{at}/?$", views.Collect.as_view(protocol=protocol)) for at, protocol in PROTOCOLS),
    *(re_path(rf"^{at}/?$", views.Aside.as_view(protocol=module, reply=reply)) for at, module, reply in ASIDES),
    path("js/recount.js", views.script),
    re_path(r"^js/recount\.(?P<content_hash>[0-9a-f]{1,64})\.js$", views.script),
    path("openapi.json", openapi.served, {"protocols": PROTOCOLS, "asides": ASIDES}),
    path("health/live", views.live),
    path("health/ready", views.ready),
    re_path("", views.nothing),
]
