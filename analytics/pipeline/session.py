"""The connection on which a writer holds its parts and writes them."""

from __future__ import annotations

from analytics.store import db

SETTINGS = {
    # A table that somebody locked: the batch is undone and taken again, and nobody queues behind it for ever.
    "lock_timeout": "10s",
    # A writer that stands still, or whose machine is gone, loses its parts to the others.
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
RUNNING = {"idle_session_timeout": "60s"}
"""Of a writer that has something to say every second."""


def connect(*, running: bool) -> db.Connection:
    """A connection with these settings. Raises db.FAULTS."""
    connection = db.connect()
    with connection.transaction(), connection.cursor() as cursor:
        for name, value in (SETTINGS | RUNNING if running else SETTINGS).items():
            cursor.execute("SELECT set_config($1, $2, false)", [name, value])
    return connection
