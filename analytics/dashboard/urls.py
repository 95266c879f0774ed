"""Addresses of the customer pages; a site's domain is its address, so these come last in the pool."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from analytics.dashboard import views
from analytics.dashboard.settings_page import views as settings_page

app_name = "dashboard"
urlpatterns = [
    path("", views.sites, name="sites"),
    path("login", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("<str:domain>", views.site, name="site"),
    path("<str:domain>/-/settings", settings_page.page, name="settings"),
    path("<str:domain>/-/top", views.top_card, name="top"),
    path("<str:domain>/-/now", views.now, name="now"),
    path("<str:domain>/-/summary", views.site_card, name="site_card"),
    path("<str:domain>/-/card/<slug:name>", views.card, name="card"),
    path("<str:domain>/-/table/<slug:name>/<slug:tab>", views.table, name="table"),
]
