"""The admin site of the staff portal: Django's, with the pages that search and recount history."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path


class StaffPortal(admin.AdminSite):
    site_title = site_header = "Recount staff portal"
    index_title = "Everything that is kept"
    index_template = "portal/index.html"
    site_url = "/"

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Django's addresses and the portal's own."""
        from portal import quarantine, views

        own = [
            path("history/", self.admin_view(views.history), name="history"),
            path("history/download", self.admin_view(views.download), name="history_download"),
            path("recount/", self.admin_view(views.ask_recount), name="ask_recount"),
            path("books/", self.admin_view(views.books), name="books"),
            path("quarantine/", self.admin_view(quarantine.overview), name="quarantine"),
            path("quarantine/readmit", self.admin_view(quarantine.give_back), name="give_back"),
            path("quarantine/<int:number>", self.admin_view(quarantine.detail), name="quarantined"),
        ]
        return [*own, *super().get_urls()]
