"""A mail as it is laid out: bytes that every message of a shape shares, and the places between them."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from campaigns.message.fill import escaped
from campaigns.message.quoted import quoted
from campaigns.message.shape import Escape

_REMEMBERED = 80  # characters of a value that is kept encoded for the next message


class Frame:
    """Built once, filled for each message."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._grows = False  # whether the last piece is a constant that the next one may join
        self._values: dict[tuple[int, Escape], list[int]] = {}  # where each value stands, escaped in that way
        self._names: list[int] = []
        self._own: list[int] = []

    def add(self, constant: bytes) -> None:
        if self._grows:
            self._pieces[-1] += constant
        else:
            self._pieces.append(constant)
        self._grows = True

    def add_shared(self, constant: bytes) -> None:
        """A constant that other frames have too, kept as it is: an image."""
        self._place(constant)

    def add_value(self, slot: int, escape: Escape) -> None:
        self._values.setdefault((slot, escape), []).append(self._place())

    def add_around_name(self, constants: Iterable[bytes]) -> None:
        """Constants, with the message's handle between each two."""
        first, *others = constants
        self.add(first)
        for constant in others:
            self._names.append(self._place())
            self.add(constant)

    def add_own(self) -> None:
        """Something that is made for each message."""
        self._own.append(self._place())

    def filled(self, values: Sequence[str], name: bytes, own: Iterable[bytes]) -> list[bytes]:
        """The mail's pieces for one message: its values, its handle, and what was made for it, in order."""
        mail = self._pieces.copy()
        for place, made in zip(self._own, own, strict=True):
            mail[place] = made
        for place in self._names:
            mail[place] = name
        for (slot, escape), places in self._values.items():
            value = values[slot]
            # Names, dates and amounts come again and again, long values do not.
            words = _remembered(value, escape) if len(value) <= _REMEMBERED else quoted(escaped(value, escape))
            for place in places:
                mail[place] = words
        return mail

    def _place(self, constant: bytes = b"") -> int:
        self._pieces.append(constant)
        self._grows = False
        return len(self._pieces) - 1


@lru_cache(maxsize=4096)
def _remembered(value: str, escape: Escape) -> bytes:
    return quoted(escaped(value, escape))
