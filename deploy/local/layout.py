"""Where things lie on the disk, and under which account the services run."""

from __future__ import annotations

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.terminal import Problem, say

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SERVICES = ROOT / ".services"
GEO_DATABASE = SERVICES / "geo" / "dbip-country.mmdb"

# initdb refuses root, so that root lends the services an account that owns nothing else.
UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Home:
    """The directory that holds the whole state of one instance (RECOUNT_HOME)."""

    path: Path

    @property
    def instance_env(self) -> Path:
        return self.path / "instance.env"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def lake(self) -> Path:
        return self.path / "lake"

    @property
    def demo_note(self) -> Path:
        return self.path / "demo.txt"

    @property
    def supervisor_conf(self) -> Path:
        return self.path / "supervisord.conf"

    def service_data(self) -> Path:
        return enterable_by_services(self.path / "services")


# What supervisor's configuration file and Valkey's give a meaning of their own.
FORBIDDEN = frozenset('%;#"\\\n')


def home() -> Home:
    path = Path(os.environ.get("RECOUNT_HOME") or ROOT / ".recount").expanduser().absolute()
    if FORBIDDEN & set(f"{path}{ROOT}"):
        raise Problem(f'RECOUNT_HOME and the checkout may not have any of % ; # " \\ in their paths: {path}, {ROOT}.')
    return Home(path)


def service_account() -> pwd.struct_passwd | None:
    """The account for the services, or None when they run as the caller."""
    return pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None


def as_service_account() -> dict[str, Any]:
    """Keyword arguments that make subprocess run a program under the services' account."""
    account = service_account()
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def give_to_services(path: Path) -> None:
    if account := service_account():
        os.chown(path, account.pw_uid, account.pw_gid)


def enterable_by_services(path: Path) -> Path:
    """`path`, or a stand-in under /var/lib when the services' account cannot enter it."""
    path.mkdir(parents=True, exist_ok=True)
    if service_account() is None:
        return path
    if subprocess.run(["test", "-x", path], check=False, **as_service_account()).returncode == 0:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    stand_in = Path("/var/lib") / f"recount-{digest}"
    if not stand_in.exists():
        say(f"  {UNPRIVILEGED} cannot enter {path}, so {stand_in} takes its place.")
    stand_in.mkdir(parents=True, exist_ok=True)
    stand_in.chmod(0o755)
    return stand_in
