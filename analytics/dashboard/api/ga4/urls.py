"""Addresses of the GA4 Data API. Its clients fix them at the root of the host."""

from django.urls import path

from analytics.dashboard.api.ga4 import views

_PROPERTY = "v1beta/properties/<str:reference>"

urlpatterns = [
    path(f"{_PROPERTY}:runReport", views.RunReport.as_view()),
    path(f"{_PROPERTY}:batchRunReports", views.BatchRunReports.as_view()),
    path(f"{_PROPERTY}:runPivotReport", views.RunPivotReport.as_view()),
    path(f"{_PROPERTY}:batchRunPivotReports", views.BatchRunPivotReports.as_view()),
    path(f"{_PROPERTY}:runRealtimeReport", views.RunRealtimeReport.as_view()),
    path("v1alpha/properties/<str:reference>:runFunnelReport", views.RunFunnelReport.as_view()),
    path(f"{_PROPERTY}:checkCompatibility", views.CheckCompatibility.as_view()),
    path(f"{_PROPERTY}/metadata", views.Metadata.as_view()),
    path(f"{_PROPERTY}/audienceExports", views.NotHere.as_view()),
    path(f"{_PROPERTY}/audienceExports/<path:rest>", views.NotHere.as_view()),
]
