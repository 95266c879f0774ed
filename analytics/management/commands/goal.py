"""`bin/manage goal`: what a site wants its visitors to do."""

from __future__ import annotations

from analytics.management import actions, goal_actions
from analytics.sites import goals


class Command(actions.ActionsCommand):
    help = "Make goals, list them and take them away."
    requires_system_checks = []
    actions = goal_actions.ACTIONS
    refusals = (goals.BadGoal,)
