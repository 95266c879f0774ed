"""`bin/manage quarantine`: hits that could not be processed."""

from __future__ import annotations

from analytics.management import actions, quarantine_actions


class Command(actions.ActionsCommand):
    help = "Look at hits that could not be processed, and let the pipeline try them again."
    actions = quarantine_actions.ACTIONS
