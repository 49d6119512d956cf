"""Findings of a batch of rows, each counted once with its first rows, whatever makes it the same."""

from collections.abc import Callable, Hashable
from dataclasses import replace

from campaigns.model.finding import Finding


class Tallies:
    def __init__(self, most: int) -> None:
        self._most = most  # rows that a Finding names
        self._tallies: dict[Hashable, _Tally] = {}

    def count(self, one: Finding, row: int) -> None:
        self.count_as((one.code, one.where), row, lambda: one)

    def count_as(self, key: Hashable, row: int, found: Callable[[], Finding]) -> None:
        """Count a row for `key`; `found` is asked once."""
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(found(), self._most)
        tally.add(row)

    def findings(self) -> list[Finding]:
        return [tally.finding() for tally in self._tallies.values()]


class _Tally:
    """One Finding's rows within a batch."""

    def __init__(self, found: Finding, most: int) -> None:
        self._found = found
        self._most = most
        self._rows = 0
        self._first: list[int] = []

    def add(self, row: int) -> None:
        self._rows += 1
        if len(self._first) < self._most:
            self._first.append(row)

    def finding(self) -> Finding:
        return replace(self._found, rows=self._rows, first_rows=tuple(self._first))
