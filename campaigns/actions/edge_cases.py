"""The rows whose mails differ most: what a person should look at before anything leaves."""

import re

MOST = 12
MOST_SHAPES = 6

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


class EdgeCases:
    """Picks rows out of a stream: the first of each shape, and the furthest in each direction."""

    def __init__(self) -> None:
        self._first_of_shape: dict[int, int] = {}
        self._furthest: dict[str, tuple[int, int]] = {}  # direction -> how far, row

    def look(self, row: int, shape: int, joined: str) -> None:
        """Consider a row by its values, each ended by a NUL."""
        if shape not in self._first_of_shape and len(self._first_of_shape) < MOST_SHAPES:
            self._first_of_shape[shape] = row
        self._compare("longest", len(joined), row)
        self._compare("shortest", 1_000_000 - len(joined), row)
        self._compare("emptiest", joined.count("\0\0") + joined.startswith("\0"), row)
        self._compare("apostrophes", joined.count("'") + joined.count("’"), row)
        if not joined.isascii():
            self._compare("beyond ASCII", sum(letter > "\x7f" for letter in joined), row)
            self._compare("right to left", len(_RIGHT_TO_LEFT.findall(joined)), row)

    def rows(self) -> list[int]:
        """Their numbers, in order, each once, at most twelve."""
        furthest = [row for _, row in self._furthest.values()]
        return sorted(list(dict.fromkeys([*furthest, *self._first_of_shape.values()]))[:MOST])

    def _compare(self, direction: str, how_far: int, row: int) -> None:
        if how_far > self._furthest.get(direction, (0, 0))[0]:
            self._furthest[direction] = how_far, row
