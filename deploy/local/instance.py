"""The settings of one instance: ports, passwords and addresses, made once and kept in instance.env."""

from __future__ import annotations

import os
import random
import secrets
import shlex
import socket
from dataclasses import dataclass

from deploy.local.layout import GEO_DATABASE, Home
from deploy.local.terminal import Problem

# Where a caller's value ends up in instance.env, and with it in the next start and in `bin/manage`.
SETTABLE = (
    "INGEST_PORT",
    "DASHBOARD_PORT",
    "DATABASE_URL",
    "BUFFER_URL",
    "CACHE_URL",
    "BROKER_URL",
    "LAKE_URL",
    "LAKE_CACHE_DIR",
    "STATIC_ROOT",
    "GEOIP_DB",
    "SECRET_KEY",
    "TRUSTED_PROXIES",
)
# Below the range that Linux hands out for outgoing connections.
PRIVATE_PORTS = range(20000, 32000)


@dataclass(frozen=True)
class Service:
    """A service that we run unless the address of another one is given."""

    name: str
    variable: str
    address: str
    port: str
    password: str


POSTGRES = Service(
    "postgres",
    "DATABASE_URL",
    "postgresql://recount:{password}@127.0.0.1:{port}/recount",
    "POSTGRES_PORT",
    "POSTGRES_PASSWORD",
)
BUFFER = Service("buffer", "BUFFER_URL", "redis://:{password}@127.0.0.1:{port}/0", "BUFFER_PORT", "BUFFER_PASSWORD")
CACHE = Service("cache", "CACHE_URL", "redis://:{password}@127.0.0.1:{port}/0", "CACHE_PORT", "CACHE_PASSWORD")
SERVICES = (POSTGRES, BUFFER, CACHE)


@dataclass
class Instance:
    home: Home
    values: dict[str, str]

    def port(self, variable: str) -> int:
        return int(self.values[variable])

    def runs(self, service: Service) -> bool:
        """Whether the service is ours to run, and not an address that was given."""
        return service.port in self.values and self.values[service.variable] == self._own_address(service)

    def services(self) -> list[Service]:
        return [service for service in SERVICES if self.runs(service)]

    def environment(self) -> dict[str, str]:
        """The environment of the application's processes."""
        values = {name: value for name, value in self.values.items() if not name.startswith("SUPERVISOR_")}
        own = {"RECOUNT_HOME": str(self.home.path), "PYTHONUNBUFFERED": "1"}
        return {**os.environ, **values, **own}

    def save(self) -> None:
        lines = ["# Written by bin/up. Remove a line to have its value made anew.\n"]
        lines += [f"{name}={shlex.quote(value)}\n" for name, value in sorted(self.values.items())]
        temporary = self.home.instance_env.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text("".join(lines))
        temporary.replace(self.home.instance_env)

    def adopt_environment(self) -> None:
        """Let the caller's own values win over those of an earlier start."""
        self.values.update({name: os.environ[name] for name in SETTABLE if os.environ.get(name)})

    def complete(self) -> None:
        """Fill in what neither the caller nor an earlier start has decided."""
        home = self.home
        self.values.setdefault("INGEST_PORT", "8001")
        self.values.setdefault("DASHBOARD_PORT", "8000")
        self.values.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
        self.values.setdefault("LAKE_URL", home.lake.as_uri())
        self.values.setdefault("LAKE_CACHE_DIR", str(home.path / "lake-cache"))
        self.values.setdefault("STATIC_ROOT", str(home.path / "static"))
        self.values.setdefault("GEOIP_DB", str(GEO_DATABASE))
        self.values.setdefault("TRUSTED_PROXIES", "127.0.0.1/32")
        self.values.setdefault("SUPERVISOR_PASSWORD", secrets.token_hex(16))
        self._settle_port("SUPERVISOR_PORT")
        for service in SERVICES:
            if service.variable not in self.values or self.runs(service):
                self._settle_port(service.port)
                self.values.setdefault(service.password, secrets.token_hex(16))
                self.values[service.variable] = self._own_address(service)
        if "BROKER_URL" not in self.values or self.runs(CACHE):
            self._settle_broker()

    def _settle_port(self, variable: str) -> None:
        if variable not in self.values or not is_free(self.port(variable)):
            self.values[variable] = str(free_port())

    def _settle_broker(self) -> None:
        if os.environ.get("BROKER_URL"):
            return
        self.values["BROKER_URL"] = self.values["CACHE_URL"].rpartition("/")[0] + "/1"

    def _own_address(self, service: Service) -> str:
        return service.address.format(password=self.values.get(service.password), port=self.values.get(service.port))


def load(home: Home) -> Instance:
    """The instance as it was last started; without any values when it never was."""
    try:
        text = home.instance_env.read_text()
    except FileNotFoundError:
        return Instance(home, {})
    pairs = (word.partition("=") for word in shlex.split(text, comments=True))
    return Instance(home, {name: value for name, _, value in pairs})


def check_ports_are_free(instance: Instance) -> None:
    for variable in ("INGEST_PORT", "DASHBOARD_PORT"):
        value = instance.values[variable]
        if not (value.isdecimal() and 0 < int(value) < 65536):
            raise Problem(f"{variable}={value} is not a port number; give one from 1 to 65535.")
        if obstacle := obstacle_to(int(value)):
            raise Problem(f"Port {value} cannot be used ({obstacle}); set {variable} to a free port.")
    if instance.values["INGEST_PORT"] == instance.values["DASHBOARD_PORT"]:
        raise Problem("INGEST_PORT and DASHBOARD_PORT are the same; set one of them to another port.")


def is_free(port: int) -> bool:
    return obstacle_to(port) == ""


def obstacle_to(port: int) -> str:
    """Why a program could not listen on the port; empty when it could."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return (error.strerror or str(error)).lower()
    return ""


def free_port() -> int:
    for _ in range(1000):
        port = random.choice(PRIVATE_PORTS)
        if is_free(port):
            return port
    raise Problem("No free port was found on 127.0.0.1; stop something and try again.")
