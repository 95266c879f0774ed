"""Addresses of Plausible's APIs, below /api/."""

from django.urls import path

from analytics.dashboard.api.plausible import sites_views, v1_views, views

urlpatterns = [
    path("v2/query", views.StatsQuery.as_view(), name="stats_v2_query"),
    path("v1/stats/realtime/visitors", v1_views.RealtimeVisitors.as_view(), name="stats_v1_realtime"),
    path("v1/stats/aggregate", v1_views.Aggregate.as_view(), name="stats_v1_aggregate"),
    path("v1/stats/timeseries", v1_views.Timeseries.as_view(), name="stats_v1_timeseries"),
    path("v1/stats/breakdown", v1_views.Breakdown.as_view(), name="stats_v1_breakdown"),
    path("v1/sites", sites_views.Sites.as_view(), name="sites_v1"),
    path("v1/sites/goals", sites_views.Goals.as_view(), name="sites_v1_goals"),
    path("v1/sites/goals/<str:goal_id>", sites_views.Goal.as_view(), name="sites_v1_goal"),
    path("v1/sites/<str:site_id>", sites_views.Site.as_view(), name="sites_v1_site"),
]
