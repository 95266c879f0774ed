"""The instance that is broken: servers, proxies before them, an ingest pool, writers; put right again by `heal`."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.management import call_command

from analytics.lake import tables
from analytics.lake import tasks as lake_tasks
from analytics.sites import lookup
from analytics.store import db
from deploy.local.instance import BUFFER, POSTGRES, Instance
from tests import conftest, processes
from tests.chaos.children import Child, children
from tests.chaos.proxy import Network, Proxy
from tests.chaos.servers import Servers

WRITERS = 2
SETTINGS = ("default_transaction_read_only", "deadlock_timeout", "max_wal_size")
"""Of PostgreSQL, which scenarios change and `heal` resets."""


class World:
    """Everything that a scenario can break. The oracle and this process talk to the servers past the proxies."""

    def __init__(self, known: Instance) -> None:
        for folder in (known.home.logs, known.home.lake, known.home.path / "load"):
            folder.mkdir(parents=True, exist_ok=True)
        self.known = known
        self.servers = Servers(known)
        network = Network()
        postgres, buffer = self.servers.port(POSTGRES), self.servers.port(BUFFER)
        self.door_db, self.writer_db = Proxy(network, postgres), Proxy(network, postgres)
        self.door_buffer, self.writer_buffer = Proxy(network, buffer), Proxy(network, buffer)
        # Held open here, so that connections wait while the pool is started anew.
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = int(self.listening.getsockname()[1])
        self.pool = self._pool()
        self.full_backlog = False
        self.writers = [self._writer(number) for number in range(WRITERS)]

    def _environment(self, postgres: Proxy, buffer: Proxy) -> dict[str, str]:
        given = self.known.environment() | {
            POSTGRES.variable: self.servers.address_behind(POSTGRES, postgres.port),
            BUFFER.variable: self.servers.address_behind(BUFFER, buffer.port),
        }
        return given

    def _pool(self) -> Child:
        gunicorn = Path(sys.executable).with_name("gunicorn")
        command = [sys.executable, str(gunicorn), "-c", "config/gunicorn_ingest.py", "config.wsgi_ingest"]
        # As gunicorn hands its socket on when it is upgraded; it soon finds that its parent is another.
        socket_number = self.listening.fileno()
        inherited = {"GUNICORN_FD": str(socket_number), "GUNICORN_PID": "1", "INGEST_WORKERS": "2"}
        options = {"cwd": processes.ROOT, "pass_fds": (socket_number,)}
        environment = self._environment(self.door_db, self.door_buffer) | inherited
        return Child("ingest", command, environment, self.known.home.logs / "ingest.log", options)

    def _writer(self, number: int) -> Child:
        return Child(
            f"writer {number}",
            [sys.executable, "manage.py", "write"],
            self._environment(self.writer_db, self.writer_buffer),
            self.known.home.logs / f"writer-{number}.log",
            {"cwd": processes.ROOT},
        )

    def set_up(self) -> None:
        """The first start, with an empty database."""
        self.servers.ensure()
        self.servers.create_database()
        call_command("migrate", verbosity=0)
        self.heal()

    def heal(self) -> None:
        """Whatever was broken, everything runs again as it should."""
        for proxy in (self.door_db, self.door_buffer, self.writer_db, self.writer_buffer):
            proxy.heal()
        self.servers.ensure()
        with self.servers.sql() as session:
            for name in SETTINGS:
                session.execute(f"ALTER SYSTEM RESET {name}")
            session.execute("SELECT pg_reload_conf()")
        if not self.pool.alive():
            self.pool.start()
        for writer in self.writers:
            if not writer.alive():
                writer.start()
        address = f"http://127.0.0.1:{self.port}/health/ready"
        processes.wait_until(lambda: processes.status(address) == 200, "the ingest pool answers")

    def workers(self) -> list[int]:
        """The processes of the ingest pool that serve requests."""
        return children(self.pool.pid)

    def stop_writers(self) -> None:
        """End them in order; what comes waits in the buffer."""
        for writer in self.writers:
            writer.stop()

    def restart_pool(self) -> None:
        """A fresh pool on the same socket."""
        self.pool.stop()
        self.heal()

    def reset(self) -> None:
        """Empty every store, so that what one scenario has lost is not counted against the next."""
        self.pool.stop()
        self.stop_writers()
        self.servers.ensure()
        for client in (self.servers.valkey, self.servers.cache_client):
            with client() as valkey:
                valkey.flushall()
        with db.transaction() as cursor:
            cursor.execute(f"TRUNCATE {conftest.TABLES} RESTART IDENTITY")
            for table in conftest.CATALOG_TABLES:
                cursor.execute("SELECT to_regclass($1) IS NOT NULL", [table])
                if cursor.fetchone() == (True,):
                    cursor.execute(f"TRUNCATE {table}")
        tables.close_catalogs()
        shutil.rmtree(unquote(urlsplit(os.environ["LAKE_URL"]).path), ignore_errors=True)
        lookup.forget()
        self.heal()

    def export(self) -> None:
        """Bring the lake up to now."""
        lake_tasks.export()

    def mark(self) -> dict[Path, int]:
        """How far the writers' logs are, for `logged_since`."""
        return {writer.log: writer.log.stat().st_size if writer.log.exists() else 0 for writer in self.writers}

    def logged_since(self, mark: Mapping[Path, int]) -> str:
        """What the writers have said since."""
        return "".join(
            path.read_bytes()[size:].decode(errors="replace") for path, size in mark.items() if path.exists()
        )

    def start_over(self) -> None:
        """End every process, and begin with empty stores."""
        for child in (self.pool, *self.writers, self.servers.postgres, self.servers.buffer, self.servers.cache):
            child.kill()
        # It may be what does not let its server start.
        shutil.rmtree(self.servers.folder(BUFFER) / "appendonlydir", ignore_errors=True)
        self.reset()
