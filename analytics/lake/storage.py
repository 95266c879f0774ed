"""Where the lake's files are: Django's storage `lake` (the local disk, or any S3 through django-storages).

Iceberg's metadata names files by their real addresses (`s3://…`, `file:///…`), so that any other engine can read the
tables; `LakeIO` is how PyIceberg reads and writes them through the storage.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

FAULTS = (OSError, BotoCoreError, ClientError)
"""What a storage that is away raises."""
IN_USE_SECONDS = 60
_IN_MEMORY_BYTES = 16 << 20
_downloads = ThreadPoolExecutor(8, "download")


class NotOfThisLake(ValueError):
    """An address outside LAKE_URL."""


def storage() -> Storage:
    """The storage `lake`."""
    return storages["lake"]


def name_of(address: str) -> str:
    """The storage's name of a file. Raises NotOfThisLake."""
    root = settings.LAKE_URL.rstrip("/") + "/"
    if not address.startswith(root):
        raise NotOfThisLake(f"{address} is not below LAKE_URL")
    return address[len(root) :]


def address_of(name: str) -> str:
    """The address of a file of the storage."""
    return f"{settings.LAKE_URL.rstrip('/')}/{name}"


def local(address: str) -> Path:
    """A file of the lake as a file on this machine: itself, or a copy in the cache. Files never change."""
    return local_all([address])[0]


def local_all(addresses: Sequence[str]) -> list[Path]:
    """Files of the lake as files on this machine, in the order given.

    The cache keeps to LAKE_CACHE_BYTES by giving up other copies, never those asked for here: it may exceed its limit
    by the files of one call. What others asked for in the last minute they may still be reading: it goes only when the
    cache would have twice its limit.
    """
    store, names = storage(), [name_of(address) for address in addresses]
    if isinstance(store, FileSystemStorage):
        return [Path(store.path(name)) for name in names]
    cache = Path(settings.LAKE_CACHE_DIR)
    copies = {name: cache / name for name in names}
    missing = [name for name, copy in copies.items() if not _touch(copy)]
    try:
        list(_downloads.map(lambda name: _download(store, name, copies[name]), missing))
    finally:
        if missing:
            _make_room(cache, settings.LAKE_CACHE_BYTES, set(copies.values()))
    return [copies[name] for name in names]


def walk(folder: str) -> Iterator[str]:
    """The names of all files in and below a folder."""
    try:
        folders, files = storage().listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{file}" for file in files)
    for inner in folders:
        yield from walk(f"{folder}/{inner}")


def put(name: str, content: IO[bytes]) -> None:
    """A file of the lake, there as a whole or not at all; it replaces one of its name."""
    store = storage()
    if not isinstance(store, FileSystemStorage):  # an object is whole when it is there
        store.save(name, File(content, name=name))
        return
    partial = store.save(f"{name}.partial", File(content, name=name))
    os.replace(store.path(partial), store.path(name))


def _touch(copy: Path) -> bool:
    """Note that a copy is used now; False when there is none."""
    try:
        os.utime(copy)
    except FileNotFoundError:
        return False
    return True


def _download(store: Storage, name: str, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with (
        store.open(name, "rb") as remote,
        tempfile.NamedTemporaryFile(dir=copy.parent, delete=False) as partial,
    ):
        try:
            for chunk in remote.chunks():
                partial.write(chunk)
            os.replace(partial.name, copy)
        except BaseException:
            os.unlink(partial.name)
            raise


def _make_room(cache: Path, most: int, needed: set[Path]) -> None:
    """Delete the copies used longest ago until the rest has at most `most` bytes (twice that when only copies used just
    now are left); those needed stay."""
    copies = sorted(filter(None, map(_measured, cache.rglob("*.parquet"))))
    total, just_now = sum(size for _, size, _ in copies), time.time() - IN_USE_SECONDS
    for used_at, size, path in copies:
        if total <= (most if used_at < just_now else 2 * most):
            return
        if path not in needed:
            path.unlink(missing_ok=True)
            total -= size


def _measured(copy: Path) -> tuple[float, int, Path] | None:
    """When it was used last, its bytes and itself; None when another process gave it up meanwhile."""
    try:
        stat = copy.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime, stat.st_size, copy


class _Input(InputFile):
    def __len__(self) -> int:
        return int(storage().size(name_of(self.location)))

    def exists(self) -> bool:
        return storage().exists(name_of(self.location))

    def open(self, seekable: bool = True) -> InputStream:
        if self.location.endswith(".parquet"):
            return local(self.location).open("rb")
        return storage().open(name_of(self.location), "rb")


class _Upload(tempfile.SpooledTemporaryFile[bytes]):
    """Bytes that become a file of the lake, whole, when they are closed without an error."""

    def __init__(self, name: str) -> None:
        super().__init__(max_size=_IN_MEMORY_BYTES)
        self._lake_name = name
        self._failed = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failed = kind is not None
        self.close()

    def close(self) -> None:
        if not self.closed and not self._failed:
            self.seek(0)
            saved = storage().save(self._lake_name, File(self, name=self._lake_name))
            if saved != self._lake_name:
                storage().delete(saved)
                raise FileExistsError(f"{self._lake_name} is in the lake already")
        super().close()


class _Output(OutputFile):
    def __len__(self) -> int:
        return int(storage().size(name_of(self.location)))

    def exists(self) -> bool:
        return storage().exists(name_of(self.location))

    def to_input_file(self) -> InputFile:
        return _Input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        name = name_of(self.location)
        if storage().exists(name):
            if not overwrite:
                raise FileExistsError(f"{self.location} is in the lake already")
            storage().delete(name)
        return _Upload(name)


class LakeIO(FileIO):
    """PyIceberg's way to the storage `lake`."""

    def new_input(self, location: str) -> InputFile:
        return _Input(location)

    def new_output(self, location: str) -> OutputFile:
        return _Output(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        storage().delete(name_of(location if isinstance(location, str) else location.location))

    def __getstate__(self) -> dict[str, Any]:
        return {"properties": self.properties}
