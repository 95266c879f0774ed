"""The ingest pool's addresses."""

from django.urls import include, path

urlpatterns = [path("", include("analytics.ingest.urls"))]
