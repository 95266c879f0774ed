"""Addresses below /api/."""

from django.urls import include, path
from django.views.generic import TemplateView

from analytics.dashboard.api import schema

urlpatterns = [
    path("", TemplateView.as_view(template_name="dashboard/apis.html"), name="api_page"),
    path("schema/", schema.served, name="api_schema"),
    path("", include("analytics.dashboard.api.plausible.urls")),
    path("", include("analytics.dashboard.api.umami.urls")),
]
