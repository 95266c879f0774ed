"""`bin/manage rates`: what one euro was worth, so that revenue can be converted."""

from __future__ import annotations

from analytics.management import actions, rates_actions
from analytics.store import rates


class Command(actions.ActionsCommand):
    help = "Keep the exchange rates that revenue is converted with."
    requires_system_checks = []
    actions = rates_actions.ACTIONS
    refusals = (rates.BadRates,)
