"""Runs Recount on one machine: what stands behind `bin/up`, `bin/down`, `bin/test` and `bin/manage`.

Only the standard library is used here, because this code runs before the virtual environment exists.
"""
