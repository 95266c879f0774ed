"""TIMESCALEDB: the hot tier. Tables are declared in `hypertables.sql`; `db.py` is the only door to raw SQL."""
