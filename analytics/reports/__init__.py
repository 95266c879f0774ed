"""QUERY: one frozen Query in, one Answer out; from TimescaleDB, the lake, or both."""
