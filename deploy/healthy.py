"""The image's health check: is the role of process 1 alive? (Readiness is the load balancers' question.)"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path


def pool_answers(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def worker_answers() -> bool:
    node = f"celery@{os.uname().nodename}"
    ping = [sys.executable, "-m", "celery", "-A", "config.celery", "inspect", "ping", "-d", node]
    return subprocess.run(ping, capture_output=True, timeout=9, check=False).returncode == 0


def healthy() -> bool:
    command = Path("/proc/1/cmdline").read_bytes().decode().split("\0")
    if "config.wsgi_ingest" in command:
        return pool_answers(os.environ["INGEST_PORT"])
    if "config.wsgi_dashboard" in command:
        return pool_answers(os.environ["DASHBOARD_PORT"])
    if "worker" in command:
        return worker_answers()
    # The other roles serve nobody: they are well as long as their process is there.
    return True


sys.exit(0 if healthy() else 1)
