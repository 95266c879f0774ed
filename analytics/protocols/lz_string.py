"""lz-string's decompressFromBase64, with a bound on what comes out of it.

Sources: pieroxy/lz-string (libs/lz-string.js), whose own output the tests hold it against.
"""

from __future__ import annotations

from analytics.events import Refusal, Refused

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BITS = {char: f"{value:06b}" for value, char in enumerate(_ALPHABET)}
_NARROW, _WIDE, _END = 0, 1, 2
_CHAR_BITS = {_NARROW: 8, _WIDE: 16}


class _Codes:
    """A string of bits, first bit first, read as numbers whose lowest bit comes first."""

    def __init__(self, packed: str) -> None:
        try:
            self.bits = "".join([_BITS[char] for char in packed.rstrip("=")])
        except KeyError:
            raise _broken() from None
        self.at = 0

    def take(self, width: int) -> int:
        piece = self.bits[self.at : self.at + width]
        if len(piece) < width:
            raise _broken()
        self.at += width
        return int(piece[::-1], 2)


def decompress(packed: str, most: int) -> str:
    """The text, of at most `most` UTF-16 units; lone surrogates become U+FFFD. Raises Refused."""
    codes = _Codes(packed)
    words = ["", "", ""]
    """By code; the first three stand for what _NARROW, _WIDE and _END say."""
    pieces: list[str] = []
    size, width, room, last = 0, 2, 1, ""
    while (code := codes.take(width)) != _END:
        if code in _CHAR_BITS:
            words.append(chr(codes.take(_CHAR_BITS[code])))
            code = len(words) - 1
            width, room = _after_one_more(width, room)
        if code > len(words) or (code == len(words) and not last):
            raise _broken()
        entry = words[code] if code < len(words) else last + last[0]
        pieces.append(entry)
        size += len(entry)
        if size > most:
            raise Refused(Refusal.TOO_LARGE, f"The body inflates to more than {most} characters.")
        if last:
            words.append(last + entry[0])
            width, room = _after_one_more(width, room)
        last = entry
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _after_one_more(width: int, room: int) -> tuple[int, int]:
    """(width of the codes, how many more words fit) after a word was added."""
    return (width, room - 1) if room > 1 else (width + 1, 1 << width)


def _broken() -> Refused:
    return Refused(Refusal.BAD_JSON, "The body is not valid lz-string, or was cut off.")
