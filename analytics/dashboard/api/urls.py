"""Addresses below /api/."""

from django.urls import include, path

urlpatterns = [
    path("", include("analytics.dashboard.api.plausible.urls")),
    path("", include("analytics.dashboard.api.umami.urls")),
]
