"""Addresses of Plausible's APIs, below /api/."""

from django.urls import path

from analytics.dashboard.api.plausible import views

urlpatterns = [
    path("v2/query", views.StatsQuery.as_view(), name="stats_v2_query"),
]
