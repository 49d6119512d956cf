"""A mail as it is laid out: bytes that every message of a shape shares, and the places between them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import itemgetter

from campaigns.message.fill import escaped
from campaigns.message.quoted import quoted
from campaigns.message.shape import Escape

_REMEMBERED = 80  # characters of a value that is kept encoded for the next message
_MOST_REMEMBERED = 1_000  # values kept encoded for one slot
_NAME = "the handle"


class Frame:
    """Built once, filled for each message: a format of bytes, and what stands at each of its places."""

    def __init__(self) -> None:
        self._format = b""
        self._places: list[Hashable] = []  # what stands there: _NAME, or a key of one of the following
        self._own: list[object] = []
        self._shared: dict[object, bytes] = {}
        self._values: dict[int, list[Escape]] = {}  # by slot: all escapes of its value
        self._known: list[tuple[int, list[Escape], dict[str, list[bytes]]]] = []  # with values that were encoded before
        self._arranged: Callable[[Sequence[bytes]], tuple[bytes, ...]] | None = None

    def add(self, constant: bytes) -> None:
        self._format += constant.replace(b"%", b"%%")

    def add_shared(self, constant: bytes) -> None:
        """A constant that other frames have too, kept as it is: an image."""
        key = object()
        self._shared[key] = constant
        self._place(key)

    def add_value(self, slot: int, escape: Escape) -> None:
        escapes = self._values.setdefault(slot, [])
        if escape not in escapes:
            escapes.append(escape)
        self._place((slot, escape))

    def add_around_name(self, constants: Iterable[bytes]) -> None:
        """Constants, with the message's handle between each two."""
        first, *others = constants
        self.add(first)
        for constant in others:
            self._place(_NAME)
            self.add(constant)

    def add_own(self) -> None:
        """Something that is made for each message."""
        key = object()
        self._own.append(key)
        self._place(key)

    def filled(self, values: Sequence[str], name: bytes, own: Sequence[bytes]) -> bytes:
        """The mail of one message: of its values, its handle, and what was made for it, in order."""
        words = [name, *own, *self._shared.values()]
        arranged = self._arranged or self._arrange()
        for slot, escapes, known in self._known:
            value = values[slot]
            words += known.get(value) or _encoded(value, escapes, known)
        return self._format % arranged(words)

    def _place(self, what: Hashable) -> None:
        self._format += b"%b"
        self._places.append(what)
        self._arranged = None

    def _arrange(self) -> Callable[[Sequence[bytes]], tuple[bytes, ...]]:
        """What brings the handle, what was made, what is shared and the values into the order of the places."""
        self._known = [(slot, escapes, {}) for slot, escapes in self._values.items()]
        pairs = [(slot, escape) for slot, escapes in self._values.items() for escape in escapes]
        words = [_NAME, *self._own, *self._shared, *pairs]
        assert len(self._places) > 1  # the head and the Message-ID; of a single place `itemgetter` makes no tuple
        self._arranged = itemgetter(*[words.index(what) for what in self._places])
        return self._arranged


def _encoded(value: str, escapes: Sequence[Escape], known: dict[str, list[bytes]]) -> list[bytes]:
    """The value by each escape. Names, dates and amounts come again and again, long values do not."""
    words = [quoted(escaped(value, escape)) for escape in escapes]
    if len(value) <= _REMEMBERED:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[value] = words
    return words
