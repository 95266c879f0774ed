"""Umami's API, as far as it reads numbers."""
