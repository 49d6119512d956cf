"""Whose turn is next: campaigns take turns, and within one its lanes, so that a small campaign never waits behind a large one."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

Lane = TypeVar("Lane")


class Turns(Generic[Lane]):
    """Lanes by their campaign; in both, whose turn is next stands first."""

    def __init__(self) -> None:
        self._campaigns: dict[int, deque[Lane]] = {}

    def __bool__(self) -> bool:
        return bool(self._campaigns)

    def join(self, campaign: int, lane: Lane) -> None:
        """Stand behind the others."""
        self._campaigns.setdefault(campaign, deque()).append(lane)

    def leave(self, campaign: int, lane: Lane) -> None:
        lanes = self._campaigns[campaign]
        lanes.remove(lane)
        if not lanes:
            del self._campaigns[campaign]

    def in_order(self) -> Iterator[Lane]:
        """Each lane as it stood when this was asked; lanes may leave meanwhile."""
        for lanes in list(self._campaigns.values()):
            yield from list(lanes)

    def had(self, campaign: int, lane: Lane) -> None:
        """A lane had its turn: its campaign, and in that the lane, are the last now."""
        if len(self._campaigns) > 1:
            self._campaigns[campaign] = self._campaigns.pop(campaign)
        if len(lanes := self._campaigns[campaign]) > 1:
            lanes.remove(lane)
            lanes.append(lane)
