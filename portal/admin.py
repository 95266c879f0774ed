"""Sites, keys, members, rules and recounts in the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Max
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from analytics.reprocess.models import Recount
from analytics.sites import create, keys, models, saved
from portal.forms import SegmentForm


class MembershipInline(admin.TabularInline):
    model = models.Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(models.Organisation)
class OrganisationAdmin(admin.ModelAdmin):
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    inlines = [MembershipInline]


class AliasInline(admin.TabularInline):
    model = models.Alias
    extra = 0


@admin.register(models.Site)
class SiteAdmin(admin.ModelAdmin):
    list_display = ["domain", "organisation", "timezone", "currency", "measurement_id", "suspended_at", "created_at"]
    list_filter = [("suspended_at", admin.EmptyFieldListFilter), "honour_dnt", "honour_gpc"]
    search_fields = ["domain", "aliases__identifier"]
    list_select_related = ["organisation"]
    readonly_fields = ["id", "uuid", "measurement_id", "public_key", "snippet", "created_at"]
    inlines = [AliasInline]
    fieldsets = [
        (None, {"fields": ["organisation", "domain", "timezone", "currency"]}),
        (
            "Ids",
            {
                "fields": ["id", "uuid", "measurement_id", "public_key", "snippet", "created_at"],
                "description": "Any of them names the site to any client.",
            },
        ),
        (
            "Privacy",
            {
                "fields": ["honour_dnt", "honour_gpc", "excluded_addresses"],
                "description": "They hold for what comes from now on; the door follows within half a minute.",
            },
        ),
        (
            "Limits",
            {
                "fields": ["events_per_minute", "events_per_month", "suspended_at"],
                "description": "What is turned away is counted in the books; nothing else is kept of it.",
            },
        ),
    ]

    @admin.display(description="Snippet")
    def snippet(self, site: models.Site) -> str:
        """The line for the site's pages."""
        return format_html("<code>{}</code>", create.snippet(site, settings.INGEST_URL)) if site.pk else "-"

    def save_model(self, request: HttpRequest, obj: models.Site, form: Any, change: bool) -> None:
        """A new site gets its first secret key, shown this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        create.save_new(obj)
        messages.info(request, f"Secret key, shown this once: {create.secret_key(obj)}")


class _ShownOnce(admin.ModelAdmin):
    """A key that is made by saving, and shown in a message once."""

    readonly_fields = ["created_at"]

    def make_key(self) -> str:
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the key when the row is new."""
        if not change:
            key = self.make_key()
            obj.hash = keys.digest(key)
            messages.info(request, f"The key, shown this once: {key}")
        super().save_model(request, obj, form, change)


@admin.register(models.SecretKey)
class SecretKeyAdmin(_ShownOnce):
    list_display = ["site", "name", "created_at", "revoked_at"]
    autocomplete_fields = ["site"]

    def make_key(self) -> str:
        return keys.secret_key()


@admin.register(models.ApiKey)
class ApiKeyAdmin(_ShownOnce):
    list_display = ["organisation", "site", "name", "scopes", "created_at", "revoked_at"]
    autocomplete_fields = ["organisation", "site"]

    def make_key(self) -> str:
        return keys.api_key()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new key reads numbers."""
        return {"scopes": ["stats:read"]}


@admin.register(saved.Goal)
class GoalAdmin(admin.ModelAdmin):
    """Goals hold for all of history; a new one needs no recount."""

    list_display = ["name", "site", "kind", "pattern", "currency", "created_at"]
    list_filter = ["kind", "site"]
    search_fields = ["name", "pattern"]
    list_select_related = ["site"]
    autocomplete_fields = ["site"]


@admin.register(saved.Segment)
class SegmentAdmin(admin.ModelAdmin):
    form = SegmentForm
    list_display = ["name", "site", "owner", "updated_at"]
    list_filter = ["site"]
    search_fields = ["name"]
    list_select_related = ["site", "owner"]
    autocomplete_fields = ["site", "owner"]


@admin.register(models.Ruleset)
class RulesetAdmin(admin.ModelAdmin):
    """Versions are added, never changed."""

    list_display = ["site", "version", "note", "created_at"]
    list_filter = ["site"]
    fields = ["site", "rules", "note"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which says what each rule may be."""
        allowed = format_html_join("", "<br><code>{}</code>: {}", models.RULES_ALLOWED.items())
        said = format_html("{}{}", models.Ruleset._meta.get_field("rules").help_text, allowed)
        return super().get_form(request, obj, change, **{**kwargs, "help_texts": {"rules": said}})

    def save_model(self, request: HttpRequest, obj: models.Ruleset, form: Any, change: bool) -> None:
        """The next version of the site's rules."""
        newest = models.Ruleset.objects.filter(site=obj.site).aggregate(newest=Max("version"))["newest"] or 1
        obj.version = newest + 1
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: models.Ruleset | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)


@admin.register(Recount)
class RecountAdmin(admin.ModelAdmin):
    """What was recounted; new ones are asked for on their own page."""

    list_display = [
        "site",
        "first_day",
        "last_day",
        "ruleset_version",
        "state",
        "hits",
        "changed",
        "asked_at",
    ]
    list_filter = ["state", "site"]
    list_select_related = ["site"]
    fields = ["asked_by", "asked_at", "finished_at"]
    change_form_template = "portal/recount.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Recount | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Recount | None = None) -> bool:
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """The row with its totals before and after, side by side."""
        job = self.get_object(request, object_id or "")
        extra = {"job": job, "totals": _side_by_side(job) if job else []}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **extra})


def _side_by_side(job: Recount) -> list[tuple[str, Any, Any, Any]]:
    """(metric, before, after, change)."""
    return [
        (name.replace("_", " "), old, new := job.after.get(name), None if None in (old, new) else new - old)
        for name, old in job.before.items()
    ]
