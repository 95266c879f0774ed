"""What the people of a site have saved for their reports: goals and segments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from analytics.sites.models import Site

MOST_GOALS = 100
"""Of one site."""
MOST_PROPS = 10
MOST_SEGMENTS = 500
MOST_CHARS = 2_048
"""Of a page pattern, or of the key or value of a property."""


def check_props(given: object) -> None:
    """Refuse what is no object of texts."""
    pairs = given.items() if isinstance(given, dict) else [("", None)]
    if len(pairs) > MOST_PROPS or not all(_is_text(key) and key and _is_text(value) for key, value in pairs):
        raise ValidationError('Write up to ten properties and their values, such as {"plan": "pro"}.')


def _is_text(given: object) -> bool:
    return isinstance(given, str) and len(given) <= MOST_CHARS and "\0" not in given


class Goal(models.Model):
    """What visitors are wanted to do. It is asked of all of history, not from its making on."""

    class Kind(models.TextChoices):
        EVENT = "event"
        PAGE = "page"
        SCROLL = "scroll"

    site = models.ForeignKey(Site, models.CASCADE, related_name="goals")
    name = models.CharField(max_length=200, help_text="What reports call it.")
    kind = models.CharField(max_length=10, choices=Kind)
    pattern = models.CharField(
        max_length=MOST_CHARS,
        help_text="The name of the event; or the page, in which * stands for anything but / and ** for anything.",
    )
    scroll_percent = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How far down the page; of kind scroll only.",
    )
    props = models.JSONField(
        default=dict, blank=True, validators=[check_props], help_text="Properties that the event must have."
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]{3}$", "Write an ISO 4217 code such as EUR.")],
        help_text="What its revenue is shown in; empty: it is no goal about revenue.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="goal_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.site}"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """A goal without a name is called after what it is reached by."""
        self.name = self.name or self._called()
        super().clean_fields(exclude)

    def _called(self) -> str:
        if self.kind == self.Kind.EVENT:
            return self.pattern
        begin = "Visit" if self.kind == self.Kind.PAGE else f"Scroll {self.scroll_percent}% of"
        return f"{begin} {self.pattern}"

    def clean(self) -> None:
        """Refuse what no event can reach."""
        if self.kind != self.Kind.EVENT and not self.pattern.startswith(("/", "*")):
            raise ValidationError({"pattern": "A page begins with /, such as /blog/**."})
        if (self.kind == self.Kind.SCROLL) != (self.scroll_percent is not None):
            raise ValidationError({"scroll_percent": "A goal of kind scroll, and no other, says how far: 1 to 100."})
        others = Goal.objects.filter(site=self.site_id).exclude(pk=self.pk)
        if others.filter(name=self.name).exists():
            raise ValidationError({"name": f"The site has a goal {self.name!r} already."})
        if others.count() >= MOST_GOALS:
            raise ValidationError(f"A site has at most {MOST_GOALS} goals.")


class Segment(models.Model):
    """Filters with a name; of the whole site, or of one user alone."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="segments")
    name = models.CharField(max_length=200)
    filters: Any = models.JSONField(help_text="A list of filters as the Stats API writes them.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="segments",
        help_text="Whose it is; empty: everyone's who may read the site.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.site}"

    def clean(self) -> None:
        """Refuse what is no list, and more than a site may have."""
        if not isinstance(self.filters, list) or not self.filters:
            raise ValidationError({"filters": 'Write a list of filters such as [["is", "visit:country", ["EE"]]].'})
        if Segment.objects.filter(site=self.site_id).exclude(pk=self.pk).count() >= MOST_SEGMENTS:
            raise ValidationError(f"A site has at most {MOST_SEGMENTS} segments.")
