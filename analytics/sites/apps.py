from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "analytics.sites"
    label = "sites"
    verbose_name = "Sites"

    def import_models(self) -> None:
        """Django looks for models in `models` alone."""
        super().import_models()
        from analytics.sites import saved  # noqa: F401
