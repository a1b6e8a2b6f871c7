"""Packed files in pieces: what comes out never swells past a bound, and a cut file gives all it has before it fails."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

import zstandard

GZ_READ_BYTES = 1 << 16
ZST_READ_BYTES = 1 << 10  # one byte of .zst may become 32 KiB at once; .gz can be held back instead


class Cut(Exception):
    """A packed file ends or breaks before its end."""


def gunzip(pieces: Iterable[bytes], out_bytes: int) -> Iterator[bytes]:
    """Members of a .gz one after another, all that can be had of a cut or broken one before Cut."""
    member, begun = zlib.decompressobj(31), True  # no file is empty when packed
    for piece in pieces:
        rest = piece
        while rest:
            if not begun:
                rest = rest.lstrip(b"\0")  # padding between members, as tape archives leave it
                begun = bool(rest)
            saved = member.copy()
            try:
                out = member.decompress(rest, out_bytes)
            except zlib.error as error:
                yield _all_before_fault(saved.decompress, rest, zlib.error)
                raise Cut(f"broken: {error}") from error
            yield out
            rest = member.unconsumed_tail
            if member.eof:
                rest = member.unused_data
                member, begun = zlib.decompressobj(31), False
    if begun:
        yield member.flush()
        raise Cut("ends before its end")


def unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Frames of a .zst one after another, all that can be had of a cut or broken one before Cut."""
    frame, begun = zstandard.ZstdDecompressor().decompressobj(), True
    for piece in pieces:
        rest = piece
        while rest:
            begun = True
            try:
                yield frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise Cut(f"broken: {error}") from error
            rest = b""
            if frame.eof:
                rest = frame.unused_data
                frame, begun = zstandard.ZstdDecompressor().decompressobj(), False
    if begun:
        raise Cut("ends before its end")


def _all_before_fault(step: Callable[[bytes, int], bytes], data: bytes, fault: type[Exception]) -> bytes:
    """What comes out of `data` byte by byte, up to the one that breaks: a call that fails gives nothing at all."""
    out = []
    try:
        for at in range(len(data)):
            out.append(step(data[at : at + 1], 0))
    except fault:
        pass
    return b"".join(out)
