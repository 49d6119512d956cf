"""The servers of one transport: connections are spread over them, and one that cannot be reached comes last for a while."""

import asyncio
from collections import deque
from collections.abc import Sequence

_REST = 60.0  # seconds


class Hosts:
    def __init__(self, names: Sequence[str]) -> None:
        self._ring = deque(names)
        self._rest_until: dict[str, float] = {}

    def in_turn(self) -> list[str]:
        """All of them in the order in which the next connection tries them."""
        now = asyncio.get_running_loop().time()
        turn = sorted(self._ring, key=lambda name: self._rest_until.get(name, 0.0) > now)
        self._ring.rotate(-1)
        return turn

    def failed(self, name: str) -> None:
        self._rest_until[name] = asyncio.get_running_loop().time() + _REST

    def answered(self, name: str) -> None:
        self._rest_until.pop(name, None)
