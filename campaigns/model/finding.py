"""What a check has to say: Findings, and the tally that groups them by code and place."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from campaigns.model.states import Severity

FIRST_ROWS = 5  # how many example rows a Finding names to a person
KEPT_ROWS = 1_000  # that an import remembers, for the sheet that is given back
EVERY_ROW = 1 << 62


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, for all rows that it holds for."""

    code: str  # stable, snake_case: "empty_field"
    severity: Severity
    sentence: str  # what is wrong, for a person
    remedy: str = ""  # what to do next
    where: str = ""  # "welcome.md, line 3, column 7" or "column amount"
    rows: int = 0  # how many rows; 0 = the whole campaign or sheet
    first_rows: tuple[int, ...] = ()  # spreadsheet row numbers
    field: str = ""  # the merge field whose cells are to blame, if it is known; not part of the document

    def as_json(self) -> dict[str, Any]:
        document = asdict(self) | {"first_rows": self.first_rows[:FIRST_ROWS]}
        del document["field"]
        return document


@dataclass(slots=True)
class FindingTally:
    """Counts equal Findings (same code, severity and place) over many rows; it names the first `most` of them."""

    most: int = FIRST_ROWS
    _found: dict[tuple[str, str, Severity], Finding] = field(default_factory=dict)
    _rows: dict[tuple[str, str, Severity], int] = field(default_factory=dict)
    _first: dict[tuple[str, str, Severity], list[int]] = field(default_factory=dict)

    def add(self, finding: Finding, row: int | None = None) -> None:
        """Count `finding`, for spreadsheet row `row` or, without one, as it stands."""
        key = (finding.code, finding.where, finding.severity)
        if row is not None:
            self._count(key, row, lambda: finding)
            return
        self._found.setdefault(key, finding)
        self._rows[key] = self._rows.get(key, 0) + finding.rows
        self._first.setdefault(key, []).extend(finding.first_rows)

    def warn(self, code: str, where: str, row: int, said: Callable[[], tuple[str, str]]) -> None:
        """Count a warning for a row; its sentence and remedy are asked for once."""
        key = (code, where, Severity.WARNS)
        self._count(key, row, lambda: Finding(code, Severity.WARNS, *said(), where))

    def _count(self, key: tuple[str, str, Severity], row: int, found: Callable[[], Finding]) -> None:
        if key not in self._found:
            self._found[key] = found()
        self._rows[key] = self._rows.get(key, 0) + 1
        first = self._first.setdefault(key, [])
        if len(first) < self.most:
            first.append(row)

    def extend(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def findings(self) -> list[Finding]:
        """All of them, what stops first, then by number of rows."""
        order = list(Severity)
        grouped = [
            Finding(
                code=found.code,
                severity=found.severity,
                sentence=found.sentence,
                remedy=found.remedy,
                where=found.where,
                rows=self._rows[key],
                first_rows=tuple(sorted(self._first[key])[: self.most]),
                field=found.field,
            )
            for key, found in self._found.items()
        ]
        return sorted(grouped, key=lambda f: (order.index(f.severity), -f.rows, f.code, f.where))
