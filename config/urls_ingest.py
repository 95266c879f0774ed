"""The ingest pool's addresses."""

from django.urls import include, path

urlpatterns = [path("", include("analytics.ingest.urls"))]

# What does not even begin with a slash, such as `OPTIONS *`. Django's own is a page of the dashboard.
handler404 = "analytics.ingest.views.nothing"
