"""The ingest pool's addresses."""

from analytics.ingest.urls import urlpatterns as urlpatterns

# What does not even begin with a slash, such as `OPTIONS *`. Django's own is a page of the dashboard.
handler404 = "analytics.ingest.views.nothing"
