"""PostgreSQL with TimescaleDB and the two Valkey servers: found, set up, started, watched until ready."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import debian
from deploy.local.instance import BUFFER, CACHE, POSTGRES, Instance, Service
from deploy.local.layout import SERVICES, as_service_account, enterable_by_services, give_to_services
from deploy.local.terminal import Problem

OLDEST_POSTGRES = 15
OLDEST_VALKEY = 7

POSTGRES_SETTINGS = (
    "listen_addresses=127.0.0.1",
    # Paths of Unix sockets are limited to 107 bytes, paths of checkouts are not.
    "unix_socket_directories=",
    "shared_preload_libraries=timescaledb",
    "timescaledb.telemetry_level=off",
    "jit=off",
    "max_connections=200",
    "max_worker_processes=16",
    "shared_buffers=256MB",
    "max_wal_size=2GB",
    "timezone=UTC",
    "log_line_prefix=%m [%p] ",
)
# Tests create and drop whole databases and need none of them after a power cut.
THROWAWAY_SETTINGS = ("fsync=off", "full_page_writes=off")

VALKEY_SETTINGS = {
    BUFFER.name: (
        # A hit is acknowledged when it is on disk, and is never thrown away to make room.
        "appendonly yes",
        "appendfsync always",
        "maxmemory 512mb",
        "maxmemory-policy noeviction",
    ),
    CACHE.name: (
        # The cache shares its server with Celery's queues. Cached entries carry a time to live and queued
        # tasks do not, so that room is made from the cache alone. The shortest-lived go first, because
        # cacheops keeps the keys of an invalidation longer than what they invalidate.
        "appendonly yes",
        "appendfsync everysec",
        "maxmemory 256mb",
        "maxmemory-policy volatile-ttl",
    ),
}


@dataclass(frozen=True)
class Binaries:
    postgres: Path
    valkey: Path


def find_binaries() -> Binaries:
    """Programs of this machine when they will do, Debian's packages otherwise."""
    postgres, valkey = _local_postgres(), _local_valkey()
    if postgres and valkey:
        return Binaries(postgres, valkey)
    root = debian.unpacked(enterable_by_services(SERVICES))
    return Binaries(
        postgres or root / "usr" / "lib" / "postgresql" / debian.POSTGRES_VERSION / "bin",
        valkey or root / "usr" / "bin" / "valkey-server",
    )


def _local_postgres() -> Path | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        version = folder.parent.name
        extension = Path("/usr/share/postgresql", version, "extension", "timescaledb.control")
        if version.isdecimal() and int(version) >= OLDEST_POSTGRES and extension.exists():
            return folder
    return None


def _local_valkey() -> Path | None:
    for name in ("valkey-server", "redis-server"):
        program = shutil.which(name)
        if program is None:
            continue
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"v=(\d+)", answer)
        if version and int(version[1]) >= OLDEST_VALKEY:
            return Path(program)
    return None


def prepare(instance: Instance, binaries: Binaries) -> None:
    """Make the data directories and configuration files that are not there yet."""
    for service in instance.services():
        folder = data_folder(instance, service)
        if service is POSTGRES:
            _prepare_postgres(instance, binaries, folder)
        else:
            _prepare_valkey(instance, service, folder)


def data_folder(instance: Instance, service: Service) -> Path:
    return instance.home.service_data() / service.name


def _prepare_postgres(instance: Instance, binaries: Binaries, folder: Path) -> None:
    if folder.exists():
        return
    # Made aside and renamed when whole, so that an interrupted start leaves no half of a cluster.
    made = folder.with_name("postgres.new")
    shutil.rmtree(made, ignore_errors=True)
    _make_private(made)
    password_file = folder.with_name("postgres.password")
    _write_private(password_file, instance.values[POSTGRES.password])
    options = ["--username=recount", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
    try:
        done = subprocess.run(
            [str(binaries.postgres / "initdb"), f"--pgdata={made}", f"--pwfile={password_file}", *options],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **as_service_account(),
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise Problem(f"PostgreSQL could not create its data directory in {folder}: {done.stderr.strip()}")
    made.rename(folder)


def _prepare_valkey(instance: Instance, service: Service, folder: Path) -> None:
    if not folder.exists():
        _make_private(folder)
    lines = (
        "bind 127.0.0.1",
        f"port {instance.values[service.port]}",
        f"requirepass {instance.values[service.password]}",
        f'dir "{folder}"',
        'save ""',
        *VALKEY_SETTINGS[service.name],
    )
    _write_private(folder / "valkey.conf", "\n".join(lines) + "\n")


def _make_private(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    give_to_services(folder)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    give_to_services(path)


def command(instance: Instance, binaries: Binaries, service: Service, throwaway: bool) -> list[str]:
    folder = data_folder(instance, service)
    if service is not POSTGRES:
        return [str(binaries.valkey), str(folder / "valkey.conf")]
    settings: Iterable[str] = (*POSTGRES_SETTINGS, f"port={instance.values[POSTGRES.port]}")
    if throwaway:
        settings = (*settings, *THROWAWAY_SETTINGS)
    options = [word for setting in settings for word in ("-c", setting)]
    return [str(binaries.postgres / "postgres"), "-D", str(folder), *options]


def readiness(instance: Instance, binaries: Binaries, service: Service) -> Callable[[], bool]:
    """A probe that answers whether the service takes work."""
    if service is POSTGRES:
        return lambda: psql(instance, binaries, "postgres", "SELECT 1").returncode == 0
    return lambda: _answers_ping(instance.port(service.port), instance.values[service.password])


def create_database(instance: Instance, binaries: Binaries) -> None:
    known = psql(instance, binaries, "postgres", "SELECT 1 FROM pg_database WHERE datname = 'recount'")
    if known.stdout.strip() != "1":
        _demand(psql(instance, binaries, "postgres", "CREATE DATABASE recount"))
    _demand(psql(instance, binaries, "recount", "CREATE EXTENSION IF NOT EXISTS timescaledb"))


def psql(instance: Instance, binaries: Binaries, database: str, sql: str) -> subprocess.CompletedProcess[str]:
    address = ["--host=127.0.0.1", f"--port={instance.values[POSTGRES.port]}", "--username=recount"]
    return subprocess.run(
        [binaries.postgres / "psql", *address, f"--dbname={database}", "--no-psqlrc", "-qAtc", sql],
        env={**os.environ, "PGPASSWORD": instance.values[POSTGRES.password], "PGCONNECT_TIMEOUT": "5"},
        capture_output=True,
        text=True,
        check=False,
    )


def _demand(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise Problem(f"PostgreSQL could not set up the database: {done.stderr.strip()}")


def _answers_ping(port: int, password: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                received = connection.recv(1024)
                if not received:
                    return False
                answer += received
    except OSError:
        return False
    return answer.endswith(b"+PONG\r\n")
