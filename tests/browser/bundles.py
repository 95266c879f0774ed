"""Scripts of others, in `packages/`, made into one file each as a site would make them."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
from pathlib import Path

import pytest

_FOLDER = Path(__file__).with_name("packages")
_LOCK = _FOLDER / "package-lock.json"
_INSTALLED = _FOLDER / "node_modules" / ".installed-lock.json"


def bundle(name: str, form: str = "iife") -> str:
    """`packages/<name>.js` with all that it imports, in one of esbuild's formats. Skips the test where there is no npm,
    or no registry."""
    _install()
    command = ["node_modules/.bin/esbuild", f"{name}.js", "--bundle", f"--format={form}", "--log-level=warning"]
    return subprocess.run(command, cwd=_FOLDER, check=True, stdout=subprocess.PIPE, text=True).stdout


def _install() -> None:
    if _INSTALLED.exists() and filecmp.cmp(_LOCK, _INSTALLED, shallow=False):
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=_FOLDER, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        pytest.skip(f"npm could not bring the packages: {done.stderr.strip()[-200:]}")
    shutil.copyfile(_LOCK, _INSTALLED)
