"""What runs in an instance, and how supervisor is told so."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local import services
from deploy.local.instance import POSTGRES, Instance
from deploy.local.layout import PYTHON, ROOT, service_account
from deploy.local.services import Binaries

# The services need nothing of the caller's environment, which holds secrets.
EMPTY_ENVIRONMENT = ("/usr/bin/env", "-i", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8")

APPLICATION = {
    # gunicorn's control socket has one place per account, and two instances may run side by side.
    "ingest": "-m gunicorn -c config/gunicorn_ingest.py config.wsgi_ingest",
    "dashboard": "-m gunicorn -c config/gunicorn_dashboard.py config.wsgi_dashboard",
    "writer": "manage.py write",
    "worker": "-m celery -A config.celery worker --loglevel=INFO --concurrency=2 --without-gossip --without-mingle",
    "beat": "-m celery -A config.celery beat --loglevel=INFO --pidfile=",
}
DEMO = {"demo": "manage.py demo traffic"}


@dataclass(frozen=True)
class Program:
    name: str
    command: list[str]
    directory: Path
    stop_signal: str = "TERM"
    stop_wait_seconds: int = 30
    account: str = ""


def service_programs(instance: Instance, binaries: Binaries, throwaway: bool) -> list[Program]:
    account = service_account()
    found = []
    for service in instance.services():
        found.append(
            Program(
                service.name,
                [*EMPTY_ENVIRONMENT, *services.command(instance, binaries, service, throwaway)],
                services.data_folder(instance, service),
                stop_signal=_postgres_stop(throwaway) if service is POSTGRES else "TERM",
                stop_wait_seconds=60,
                account=account.pw_name if account else "",
            )
        )
    return found


def _postgres_stop(throwaway: bool) -> str:
    """PostgreSQL's immediate shutdown for data that is removed next; the fast one, which keeps it, otherwise."""
    return "QUIT" if throwaway else "INT"


def app_programs(instance: Instance, demo: bool) -> list[Program]:
    commands = {**APPLICATION, **DEMO} if demo else APPLICATION
    beat_state = f"--schedule={instance.home.path / 'celerybeat-schedule'}"
    return [
        Program(name, [str(PYTHON), *command.split(), *([beat_state] if name == "beat" else [])], ROOT)
        for name, command in commands.items()
    ]


def supervisor_conf(instance: Instance, service_part: list[Program], app_part: list[Program]) -> str:
    """The text of supervisord.conf, with paths relative to the home.

    The services start with supervisord, the application when it is told to.
    """
    lines = [
        "[supervisord]",
        "logfile=logs/supervisord.log",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        "pidfile=supervisord.pid",
        "childlogdir=logs",
        # A Unix socket's path is limited to 107 bytes; a port on the loopback with a password is not.
        "[inet_http_server]",
        f"port=127.0.0.1:{instance.values['SUPERVISOR_PORT']}",
        "username=recount",
        f"password={instance.values['SUPERVISOR_PASSWORD']}",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    ]
    if os.geteuid() == 0:
        lines.insert(1, "user=root")
    # supervisord stops in the opposite order of the priorities: the application before its services.
    for program in service_part:
        lines += _section(program, autostart=True, priority=10)
    for program in app_part:
        lines += _section(program, autostart=False, priority=100)
    if app_part:
        lines += ["[group:app]", f"programs={','.join(program.name for program in app_part)}", "priority=100"]
    return "\n".join(lines) + "\n"


def _section(program: Program, *, autostart: bool, priority: int) -> list[str]:
    command = [*die_with_parent(program.stop_signal), *program.command]
    lines = [
        f"[program:{program.name}]",
        f"command={' '.join(_quoted(word) for word in command)}",
        f"directory={program.directory}",
        f"autostart={str(autostart).lower()}",
        "autorestart=true",
        f"priority={priority}",
        "startsecs=1",
        # A program whose service is away keeps trying, a little later each time.
        "startretries=100",
        f"stopsignal={program.stop_signal}",
        f"stopwaitsecs={program.stop_wait_seconds}",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile=logs/{program.name}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=1",
    ]
    return [*lines, f"user={program.account}"] if program.account else lines


def die_with_parent(signal: str) -> list[str]:
    """A prefix that has the kernel stop a program when the one that started it is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal] if setpriv else []


def _quoted(word: str) -> str:
    # log_line_prefix holds percent signs, which supervisor would expand.
    escaped = word.replace("%", "%%")
    return f'"{escaped}"' if set(word) & set(" '") else escaped
