"""Addresses of Umami's API, below /api/."""

from django.urls import path

from analytics.dashboard.api.umami import views

_ONE = "websites/<str:reference>"

urlpatterns = [
    path("heartbeat", views.Heartbeat.as_view()),
    path("auth/login", views.Login.as_view()),
    path("auth/verify", views.Verify.as_view()),
    path("me", views.Me.as_view()),
    path("me/websites", views.Websites.as_view()),
    path("websites", views.Websites.as_view()),
    path(_ONE, views.Website.as_view()),
    path(f"{_ONE}/active", views.Active.as_view()),
    path(f"{_ONE}/daterange", views.DateRange.as_view()),
    path(f"{_ONE}/stats", views.Stats.as_view()),
    path(f"{_ONE}/pageviews", views.Pageviews.as_view()),
    path(f"{_ONE}/metrics", views.Metrics.as_view()),
    path(f"{_ONE}/metrics/expanded", views.ExpandedMetrics.as_view()),
    path(f"{_ONE}/values", views.Values.as_view()),
    path(f"{_ONE}/events/series", views.EventSeries.as_view()),
    path(f"{_ONE}/events/stats", views.EventStats.as_view()),
    path(f"{_ONE}/event-data/values", views.PropertyValues.as_view()),
    path(f"{_ONE}/sessions/stats", views.SessionStats.as_view()),
    path(f"{_ONE}/sessions/weekly", views.Weekly.as_view()),
    path(f"{_ONE}/<path:call>", views.Nothing.as_view()),
]
