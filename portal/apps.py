from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Staff portal"


class StaffAdminConfig(AdminConfig):
    default_site = "portal.site.StaffPortal"
