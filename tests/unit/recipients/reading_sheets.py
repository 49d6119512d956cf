"""Read a sheet whole, for a test to look at."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.model.column import Column
from campaigns.model.finding import Finding
from campaigns.recipients.sheet import ReadOptions, Sheet, SheetRow, open_sheet


@dataclass
class Read:
    sheet: Sheet
    rows: list[SheetRow]
    columns: tuple[Column, ...]
    findings: dict[str, Finding]

    @property
    def cells(self) -> list[list[Any]]:
        return [json.loads(row.cells) for row in self.rows]

    @property
    def kinds(self) -> dict[str, str]:
        return {column.field: str(column.kind) for column in self.columns}


def read_sheet(path: Path, **options: Any) -> Read:
    with open_sheet(path, ReadOptions(**options)) as sheet:
        rows = list(sheet.rows())
        return Read(sheet, rows, sheet.final_columns(), {finding.code: finding for finding in sheet.findings()})
