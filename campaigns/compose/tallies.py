"""Findings of a batch of rows, each counted once with its first rows, whatever makes it the same."""

from collections.abc import Callable, Hashable

from campaigns.model.finding import FIRST_ROWS, Finding


class Tallies:
    def __init__(self) -> None:
        self._tallies: dict[Hashable, _Tally] = {}

    def count(self, one: Finding, row: int) -> None:
        self.count_as((one.code, one.where), row, lambda: one)

    def count_as(self, key: Hashable, row: int, found: Callable[[], Finding]) -> None:
        """Count a row for `key`; `found` is asked once."""
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(found())
        tally.add(row)

    def findings(self) -> list[Finding]:
        return [tally.finding() for tally in self._tallies.values()]


class _Tally:
    """One Finding's rows within a batch."""

    def __init__(self, found: Finding) -> None:
        self._found = found
        self._rows = 0
        self._first: list[int] = []

    def add(self, row: int) -> None:
        self._rows += 1
        if len(self._first) < FIRST_ROWS:
            self._first.append(row)

    def finding(self) -> Finding:
        f = self._found
        return Finding(f.code, f.severity, f.sentence, f.remedy, f.where, self._rows, tuple(self._first))
