"""`bin/manage site`: sites, their ids, aliases, switches, limits and keys."""

from __future__ import annotations

from analytics.management import actions, site_actions
from analytics.sites import change, create


class Command(actions.ActionsCommand):
    help = "Make sites, list them, and change what the door and the reports know of them."
    requires_system_checks = []
    actions = site_actions.ACTIONS
    refusals = (create.BadSite, change.BadChange)
