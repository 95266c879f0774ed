from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "analytics.store"
    label = "store"
