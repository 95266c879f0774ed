from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "analytics.sites"
    label = "sites"
    verbose_name = "Sites"
