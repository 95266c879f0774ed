"""The tracker that pages include: `recount.js`, built by bin/build-tracker from src/, plain and gzipped."""

from __future__ import annotations

import gzip
import re
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

SOURCE: bytes = Path(__file__).with_name("recount.js").read_bytes()
HASH: str = blake2b(SOURCE, digest_size=12).hexdigest()
"""Names this very script: /js/recount.<hash>.js."""
ETAG: str = f'"{HASH}"'
_GZIPPED = gzip.compress(SOURCE, 9, mtime=0)
_TAKES_GZIP = re.compile(
    r"(?:^|,)\s*(?:x-)?gzip\s*(?:;\s*q=(?:1(?:\.0{0,3})?|0\.\d{0,2}[1-9]\d*)\s*)?(?=,|$)", re.IGNORECASE
)


class Encoded(NamedTuple):
    body: bytes
    encoding: str
    """Of the body: `gzip`, or '' when it is plain."""
    etag: str


def encoded(accept_encoding: str) -> Encoded:
    """The script as an `Accept-Encoding` header takes it. Packed it is the same, so its tag is a weak one."""
    if _TAKES_GZIP.search(accept_encoding):
        return Encoded(_GZIPPED, "gzip", f"W/{ETAG}")
    return Encoded(SOURCE, "", ETAG)
