"""The dashboard pool's addresses: health, metrics, staff portal, APIs, customer pages."""

from django.contrib import admin
from django.urls import include, path

from analytics.dashboard import health, metrics

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics.page),
    path("admin/", admin.site.urls),
    path("api/", include("analytics.dashboard.api.urls")),
    path("", include("analytics.dashboard.api.ga4.urls")),
    path("", include("analytics.dashboard.urls")),
]
