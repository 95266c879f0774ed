"""Faults on purpose: an instance of its own is broken in every way we can think of, and nothing may be lost or doubled.

`bin/chaos --list` shows the scenarios. `table.py` is the one table of them; `faults/` has what they do; `trial.py`
runs one: steady load, the fault, heal, drain, and then `oracle.py` compares the load's own notes with every store.
"""
