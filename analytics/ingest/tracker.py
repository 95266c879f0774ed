"""The tracker that pages include: `tracker.js` without its comments and indentation, and its ETag."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".js").read_text()

SOURCE: bytes = re.sub(r"^ *(?://.*)?\n|^ +", "", _SOURCE, flags=re.MULTILINE).encode()
ETAG: str = f'"{blake2b(SOURCE, digest_size=12).hexdigest()}"'
