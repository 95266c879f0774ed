"""Addresses below /api/."""

from django.urls import include, path

from analytics.dashboard.api import schema

urlpatterns = [
    path("schema/", schema.served, name="api_schema"),
    path("", include("analytics.dashboard.api.plausible.urls")),
    path("", include("analytics.dashboard.api.umami.urls")),
]
