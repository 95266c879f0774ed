"""Plausible's Stats API."""
