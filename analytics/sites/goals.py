"""Making and removing the goals of a site: one way for the command line, the APIs and the pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction

from analytics.sites import models, saved


class BadGoal(ValueError):
    """It cannot be a goal of the site; the message says why, in one sentence."""


def add(site: models.Site, kind: str, pattern: str, more: Mapping[str, Any] | None = None) -> saved.Goal:
    """Make a goal; `more` may have name, scroll_percent, props and currency. Raises BadGoal."""
    goal = saved.Goal(site=site, kind=kind, pattern=pattern, **(more or {}))
    try:
        goal.full_clean(validate_constraints=False)
        with transaction.atomic():
            goal.save()
    except ValidationError as error:
        raise BadGoal(_said(error)) from error
    except IntegrityError as error:  # someone added it in this moment
        raise BadGoal(f"The site has a goal {goal.name!r} already.") from error
    return goal


def _said(error: ValidationError) -> str:
    """The first thing that is wrong, after the name of its field."""
    field, messages = next(iter(error.message_dict.items()))
    return messages[0] if field == NON_FIELD_ERRORS else f"{field}: {messages[0]}"


def listed(site: models.Site) -> list[saved.Goal]:
    """The goals of a site, by name."""
    return list(saved.Goal.objects.filter(site=site).order_by("name"))


def named(site: models.Site, name: str) -> saved.Goal:
    """Raises BadGoal when there is none."""
    found = saved.Goal.objects.filter(site=site, name=name).first()
    if found is None:
        known = ", ".join(repr(goal.name) for goal in listed(site)) or "none"
        raise BadGoal(f"The site has no goal {name!r}; it has: {known}.")
    return found
