"""LibLZF decompression (Marc Lehmann's LZF, as Krita packs its tiles).

A stream of tokens: a byte below 32 announces so many literal bytes plus one; any other holds a length (three bits, all
set: one more byte follows) and, with the next byte, how far back to copy from.
"""

from __future__ import annotations


def decompress(data: bytes, size: int) -> bytes:
    """The unpacked bytes.

    Args:
        data: A whole LZF stream.
        size: The most it may unpack to, in bytes.

    Raises:
        ValueError: The stream is cut off, points before its beginning, or holds more.
    """
    out = bytearray()
    position, end = 0, len(data)
    try:
        while position < end:
            token = data[position]
            if token < 32:
                follows = position + token + 2
                out += data[position + 1 : follows]
                position = follows
                continue
            length = token >> 5
            if length == 7:
                position += 1
                length += data[position]
            start = len(out) - ((token & 31) << 8) - data[position + 1] - 1
            position += 2
            length += 2
            if start < 0:
                raise ValueError("it points before its beginning")
            copied = out[start : start + length]
            if len(copied) < length:  # the copy overlaps what it writes: a repeated pattern
                copied = (copied * (length // len(copied) + 1))[:length]
            out += copied
            if len(out) > size:
                break
    except IndexError as error:
        raise ValueError("it is cut off") from error
    if len(out) > size or position > end:
        raise ValueError("it is longer than it should be" if len(out) > size else "it is cut off")
    return bytes(out)
