"""Pure functions that make a hit's user agent, address, referrer and query into what reports count.

No clock and no I/O during a call, so that reprocessing gives the same answer. Lists are data files in
`data/`.
"""
