"""Frames on the pipe between parent and child: four bytes of length (big-endian), then JSON."""

import struct
from typing import BinaryIO

_LENGTH = struct.Struct(">I")
HEAD = _LENGTH.size


def framed(payload: bytes) -> bytes:
    return _LENGTH.pack(len(payload)) + payload


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next payload of a blocking stream; None at its end."""
    head = stream.read(HEAD)
    if len(head) < HEAD:
        return None
    length = _LENGTH.unpack(head)[0]
    payload = stream.read(length)
    return payload if len(payload) == length else None


def take_frame(buffer: bytearray) -> bytes | None:
    """Cut the first whole payload off what was received; None if there is none yet."""
    if len(buffer) < HEAD:
        return None
    end = HEAD + _LENGTH.unpack_from(buffer)[0]
    if len(buffer) < end:
        return None
    payload = bytes(memoryview(buffer)[HEAD:end])
    del buffer[:end]
    return payload
