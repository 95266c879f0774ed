"""DASHBOARD POOL: what customers see: pages, and in `api/` the stats API."""
