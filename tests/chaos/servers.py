"""PostgreSQL, the buffer and the cache of the instance that is broken: real disks, found and set up as bin/up does."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis

from deploy.local import layout, services
from deploy.local.instance import BUFFER, CACHE, POSTGRES, Instance, Service
from deploy.local.programs import EMPTY_ENVIRONMENT
from tests import processes
from tests.chaos.children import Child

MOST_CONNECTIONS = 60
"""Of PostgreSQL: few enough that a scenario can take them all."""


class Servers:
    """The three servers, each a child that can be killed and started again."""

    def __init__(self, known: Instance) -> None:
        self.known = known
        self.binaries = services.find_binaries()
        services.prepare(known, self.binaries)
        self.postgres = self._child(POSTGRES, "-c", f"max_connections={MOST_CONNECTIONS}")
        self.buffer = self._child(BUFFER)
        self.cache = self._child(CACHE)

    def _child(self, service: Service, *further: str) -> Child:
        command = services.command(self.known, self.binaries, service, throwaway=False)
        return Child(
            service.name,
            [*EMPTY_ENVIRONMENT, *command, *further],
            {},
            self.known.home.logs / f"{service.name}.log",
            {"cwd": self.folder(service), **layout.as_service_account()},
        )

    def folder(self, service: Service) -> Path:
        """Where a server keeps its data."""
        return services.data_folder(self.known, service)

    def ensure(self) -> None:
        """Start those that do not run, and wait until all take work."""
        for child, service in ((self.postgres, POSTGRES), (self.buffer, BUFFER), (self.cache, CACHE)):
            if not child.alive():
                child.start()
            self.wait_until_ready(child, service)

    def wait_until_ready(self, child: Child, service: Service) -> None:
        """Wait; a server that ended meanwhile (its old processes were still there) is started again."""
        answers = services.readiness(self.known, self.binaries, service)

        def ready() -> bool:
            if not child.alive():
                child.start()
            return answers()

        processes.wait_until(ready, f"{service.name} takes work")

    def create_database(self) -> None:
        services.create_database(self.known, self.binaries)

    @contextlib.contextmanager
    def sql(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A session of a bystander, past every proxy; each statement is its own transaction."""
        with psycopg.connect(self.known.values[POSTGRES.variable], autocommit=True, connect_timeout=5) as connection:
            connection.execute("SET default_transaction_read_only = off")
            yield connection

    @contextlib.contextmanager
    def valkey(self) -> Iterator[Any]:
        """A connection to the buffer, past every proxy. Any: its stubs allow for every decoding at once."""
        with contextlib.closing(redis.Redis.from_url(self.known.values[BUFFER.variable], socket_timeout=30)) as client:
            yield client

    @contextlib.contextmanager
    def cache_client(self) -> Iterator[Any]:
        with contextlib.closing(redis.Redis.from_url(self.known.values[CACHE.variable], socket_timeout=30)) as client:
            yield client

    def port(self, service: Service) -> int:
        return int(self.known.values[service.port])

    def address_behind(self, service: Service, port: int) -> str:
        """The server's address by another port."""
        url = urlsplit(self.known.values[service.variable])
        return url._replace(netloc=url.netloc.replace(f":{url.port}", f":{port}")).geturl()

    def power_cut(self) -> None:
        """Everything at once; nothing has time to write."""
        for child in (self.postgres, self.buffer, self.cache):
            child.kill()


def mount_small(folder: Path, megabytes: int) -> None:
    """A small disk in memory at a folder, given to the services. Raises NotPermitted."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotPermitted(f"no small disk can be mounted: {done.stderr.strip()}")
    layout.give_to_services(folder)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def program(name: str) -> str:
    """The path of a program. Raises NotPermitted when this machine does not have it."""
    found = shutil.which(name)
    if found is None:
        raise NotPermitted(f"this machine has no {name}")
    return found


class NotPermitted(Exception):
    """The fault cannot be made on this machine; the message says why."""
