"""Organisations, their sites, keys, members and rulesets."""
