"""`bin/up` and `bin/down`."""

from __future__ import annotations

import argparse
import fcntl
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from deploy.local import geo, instance, layout, programs, python_packages, services, supervisor
from deploy.local.instance import POSTGRES, Instance
from deploy.local.layout import PYTHON, ROOT, Home
from deploy.local.terminal import Problem, last_lines, say, step


def up(arguments: list[str]) -> int:
    options = _parse(arguments)
    home = layout.home()
    began_at = time.monotonic()
    with only_one(home, "bin/up is already at work on this instance; wait for it."):
        known = instance.load(home)
        if supervisor.is_running(known):
            raise Problem(f"Recount is already running in {home.path}; bin/down stops it.")
        known.adopt_environment()
        known.complete()
        if not options.services_only:
            instance.check_ports_are_free(known)
        say(f"Recount in {home.path}")
        fetch(known, python_packages.RUN)
        process = start_services(known, options)
        try:
            if not options.services_only:
                _start_app(known, options)
        except BaseException:
            supervisor.stop(known, process)
            raise
    say(f"Ready after {time.monotonic() - began_at:.0f} s.")
    _tell_where(known, options)
    if options.detach:
        return 0
    return _stay(known, process)


def down(arguments: list[str]) -> int:
    argparse.ArgumentParser(prog="bin/down", description="Stop what `bin/up` has started.").parse_args(arguments)
    known = instance.load(layout.home())
    if not supervisor.is_running(known):
        say(f"Nothing runs in {known.home.path}.")
        return 0
    with step("Stopping"):
        supervisor.stop(known)
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/up",
        description="Run Recount on this machine.",
        epilog="RECOUNT_HOME, INGEST_PORT, DASHBOARD_PORT, DATABASE_URL, BUFFER_URL, CACHE_URL, LAKE_URL and "
        "GEOIP_DB are taken from the environment.",
    )
    parser.add_argument("--detach", action="store_true", help="return when every process is healthy")
    parser.add_argument("--no-demo", action="store_true", help="start without a demo site and its traffic")
    parser.add_argument("--services-only", action="store_true", help="start PostgreSQL and Valkey alone")
    return parser.parse_args(arguments)


@contextmanager
def only_one(home: Home, sentence: str) -> Iterator[None]:
    """Hold the lock of an instance, or fail with `sentence`."""
    home.path.mkdir(parents=True, exist_ok=True)
    with (home.path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(sentence) from None
        yield


def fetch(known: Instance, requirements: str) -> None:
    """Bring what is missing; pip works in the background, because it takes the longest."""
    layout.SERVICES.mkdir(exist_ok=True)
    with (layout.SERVICES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages = python_packages.begin_install(requirements)
        try:
            if known.services():
                services.find_binaries()
            geo.fetch()
            packages.finish()
        finally:
            packages.abandon()


def start_services(known: Instance, options: argparse.Namespace, *, throwaway: bool = False) -> subprocess.Popen[bytes]:
    """Save the settings, start supervisord with the services, and wait until they take work."""
    for folder in (known.home.logs, known.home.lake):
        folder.mkdir(parents=True, exist_ok=True)
    known.save()
    binaries = services.find_binaries() if known.services() else None
    service_part: list[programs.Program] = []
    if binaries:
        services.prepare(known, binaries)
        service_part = programs.service_programs(known, binaries, throwaway)
    app_part = [] if options.services_only else programs.app_programs(known, demo=not options.no_demo)
    conf = known.home.supervisor_conf
    conf.touch(mode=0o600)
    conf.write_text(programs.supervisor_conf(known, service_part, app_part))
    process = supervisor.start(known, with_us=not options.detach)
    try:
        if binaries:
            with step("Starting the services"):
                for service in known.services():
                    supervisor.wait_until(services.readiness(known, binaries, service), known, service.name)
                if known.runs(POSTGRES):
                    services.create_database(known, binaries)
    except BaseException:
        supervisor.stop(known, process)
        raise
    return process


def _start_app(known: Instance, options: argparse.Namespace) -> None:
    with step("Bringing the database up to date"):
        _manage(known, "migrate")
    with step("Collecting the static files"):
        _manage(known, "collectstatic", "--noinput")
    if not options.no_demo and not known.home.demo_note.exists():
        _set_up_demo(known)
    with step("Starting the application"):
        supervisor.start_app(known)
        for pool, variable in (("ingest", "INGEST_PORT"), ("dashboard", "DASHBOARD_PORT")):
            address = f"http://127.0.0.1:{known.values[variable]}/health/ready"
            supervisor.wait_until(partial(_answers, address), known, pool)
        supervisor.wait_until(partial(_worker_answers, known), known, "worker")
        for program in supervisor.programs(known):
            supervisor.wait_until(partial(supervisor.keeps_running, known, program), known, program)


def _manage(known: Instance, *arguments: str) -> None:
    log = known.home.logs / f"{arguments[0]}.log"
    with log.open("wb") as out:
        done = subprocess.run(
            [PYTHON, "manage.py", *arguments],
            cwd=ROOT,
            env=known.environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise Problem(f"manage.py {' '.join(arguments)} failed. The end of {log}:\n{last_lines(log, 15)}")


def _set_up_demo(known: Instance) -> None:
    """Make the demo site once; what the command prints (its sign-in) is kept and shown at every start."""
    say("  Setting up the demo site …")
    log = known.home.logs / "demo-setup.log"
    with log.open("wb") as errors:
        done = subprocess.run(
            [PYTHON, "manage.py", "demo", "setup"],
            cwd=ROOT,
            env=known.environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise Problem(f"The demo site could not be set up. The end of {log}:\n{last_lines(log, 15)}")
    known.home.demo_note.touch(mode=0o600)
    known.home.demo_note.write_text(done.stdout)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _worker_answers(known: Instance) -> bool:
    """Whether Celery's worker takes tasks; a slow machine needs several seconds to find that it does not."""
    ping = [str(PYTHON), "-m", "celery", "-A", "config.celery", "inspect", "ping", "--timeout=2"]
    done = subprocess.run(ping, cwd=ROOT, env=known.environment(), capture_output=True, check=False)
    return done.returncode == 0


def _tell_where(known: Instance, options: argparse.Namespace) -> None:
    say()
    if not options.services_only:
        say(f"  Dashboard  http://127.0.0.1:{known.values['DASHBOARD_PORT']}/")
        say(f"  Admin      http://127.0.0.1:{known.values['DASHBOARD_PORT']}/admin/")
        say(f"  Ingest     http://127.0.0.1:{known.values['INGEST_PORT']}/v1/events")
        if not options.no_demo:
            say("".join(f"  {line}\n" for line in known.home.demo_note.read_text().splitlines()).rstrip())
    say(f"  Settings   {known.home.instance_env}")
    say(f"  Logs       {known.home.logs}")
    say(f"  Stop with  {'bin/down' if options.detach else 'Ctrl-C'}")


def _stay(known: Instance, process: subprocess.Popen[bytes]) -> int:
    """Keep everything running until somebody wants it to end."""
    try:
        code = process.wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say()
        with step("Stopping"):
            supervisor.stop(known, process)
        return 0
    if code != 0:
        raise Problem(f"supervisord ended unexpectedly; see {known.home.logs / 'supervisord.log'}.")
    say("Stopped.")
    return 0
