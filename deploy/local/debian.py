"""TimescaleDB and Valkey out of Debian's packages, unpacked into a folder of ours.

The machine's own package state is read for the archive's address and otherwise left alone, and nothing needs
root: a private apt state resolves and downloads, `dpkg -x` unpacks, and patchelf points the few programs that
are started at the unpacked C library, because the packages are of a newer Debian than many machines.
"""

from __future__ import annotations

import hashlib
import os
import platform
import pwd
import shutil
import subprocess
from pathlib import Path

from deploy.local.layout import SERVICES
from deploy.local.terminal import Problem, last_lines, step

SUITE = "trixie"
POSTGRES_VERSION = "17"
PACKAGES = (f"postgresql-{POSTGRES_VERSION}-timescaledb", "valkey-server", "patchelf")
PROGRAMS = ("postgres", "initdb", "psql")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Dependencies that are never loaded here (just-in-time compilation, Perl and the like).
LEFT_OUT = (
    "libllvm",
    "libz3",
    "libperl",
    "perl",
    "locales",
    "libc-l10n",
    "passwd",
    "libjson-perl",
    "libipc-run-perl",
)

ELSEWHERE = (
    "Install PostgreSQL 15 or newer with TimescaleDB and valkey-server, or set DATABASE_URL, BUFFER_URL and "
    "CACHE_URL, or run `docker compose -f deploy/compose.yaml up`."
)


def unpacked(place: Path) -> Path:
    """The root folder below `place` with the packages unpacked in it, fetched when it is not there yet."""
    root = place / "root"
    stamp = place / "root.complete"
    if stamp.exists() and stamp.read_text() == _recipe(root):
        return root
    stamp.unlink(missing_ok=True)
    work = place / "apt"
    log = SERVICES / "apt.log"
    with step("Fetching TimescaleDB and Valkey"):
        for folder in (work, root):
            shutil.rmtree(folder, ignore_errors=True)
        log.write_text("")
        _download(work, log)
        _unpack(work, root, log)
        _point_at_own_libraries(root, log)
        shutil.rmtree(work)
    stamp.write_text(_recipe(root))
    return root


def _recipe(root: Path) -> str:
    # The unpacked programs carry the folder's absolute path: a moved checkout needs them again.
    text = repr((str(root), SUITE, PACKAGES, PROGRAMS, LEFT_OUT))
    return hashlib.sha256(text.encode()).hexdigest()


def _download(work: Path, log: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Problem(f"This machine has no apt-get and dpkg to fetch TimescaleDB and Valkey with. {ELSEWHERE}")
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    signed_by = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (work / "sources.list").write_text(f"deb {signed_by}{_archive()} {SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Acquire::Languages": "none",
        "APT::Get::List-Cleanup": "0",
        # apt's own account may not be able to enter the folder.
        "APT::Sandbox::User": pwd.getpwuid(os.geteuid()).pw_name,
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]
    _run([*apt, "update", "--error-on=any"], log)
    _run([*apt, "install", "-y", "--download-only", "--no-install-recommends", *PACKAGES], log)


def _archive() -> str:
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    archives = [address for address in found if "security" not in address]
    if not archives:
        raise Problem(f"The machine's package sources name no Debian archive. {ELSEWHERE}")
    return archives[0]


def _unpack(work: Path, root: Path, log: Path) -> None:
    for package in sorted((work / "cache" / "archives").glob("*.deb")):
        if not package.name.startswith(LEFT_OUT):
            _run(["dpkg", "-x", package, root], log)


def _point_at_own_libraries(root: Path, log: Path) -> None:
    machine = f"{platform.machine()}-linux-gnu"
    libraries = root / "usr" / "lib" / machine
    loaders = sorted((root / "usr" / "lib").glob(f"{machine}/ld-linux*.so.*"))
    if not loaders:
        raise Problem(f"The packages for {platform.machine()} could not be made to run. {ELSEWHERE}")
    loader = loaders[0]
    patchelf: list[str | Path] = [loader, "--library-path", libraries, root / "usr" / "bin" / "patchelf"]
    postgres = root / "usr" / "lib" / "postgresql" / POSTGRES_VERSION
    programs = [postgres / "bin" / name for name in PROGRAMS]
    programs.append((root / "usr" / "bin" / "valkey-server").resolve())
    for program in programs:
        _run([*patchelf, "--set-interpreter", loader, "--force-rpath", "--set-rpath", libraries, program], log)


def _run(command: list[str | Path], log: Path) -> None:
    with log.open("ab") as out:
        done = subprocess.run(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"}, check=False
        )
    if done.returncode != 0:
        raise Problem(
            f"TimescaleDB and Valkey could not be fetched from Debian {SUITE}; check the network and "
            f"the package debian-archive-keyring and try again. {ELSEWHERE} "
            f"The end of {log}:\n{last_lines(log)}"
        )
