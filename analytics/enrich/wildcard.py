"""Wildcards that customers write: `*` stands for any characters, none included, `/` included.

Not regular expressions and not fnmatch: `[` and `?` are ordinary characters here, and a pattern such as
`*a*a*a*a*b` costs one pass, where the regular expression made of it would try every way to split the text.
"""

from __future__ import annotations


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern covers the whole text. Case counts: callers that ignore it fold both sides."""
    head, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, tail = rest
    if len(text) < len(head) + len(tail) or not text.startswith(head) or not text.endswith(tail):
        return False
    position, end = len(head), len(text) - len(tail)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
