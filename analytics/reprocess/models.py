"""Recounts asked for, and what became of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from analytics.sites.models import Site


class Recount(models.Model):
    """One recount of a range of days of a site. `before` and `after` are its totals, as the reports give them."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    site = models.ForeignKey(Site, models.CASCADE, related_name="recounts")
    first_day = models.DateField()
    last_day = models.DateField()
    ruleset_version = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    hits = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"recount of {self.site} from {self.first_day} to {self.last_day}"
