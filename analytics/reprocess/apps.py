from django.apps import AppConfig


class ReprocessConfig(AppConfig):
    name = "analytics.reprocess"
    label = "reprocess"
    verbose_name = "Recounts"
