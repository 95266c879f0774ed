"""Recount: a hit comes in, a number goes out."""
