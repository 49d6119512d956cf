"""A file read whole, or refused: what must hold in either case."""

import json
import resource
import time
from pathlib import Path

from campaigns.errors import MergecastError
from campaigns.recipients.sheet import HiddenRows, ReadOptions, open_sheet

LONGEST = 20.0  # seconds for one small file, on a busy machine
MOST_MEMORY = 400 << 20  # bytes that this process may have at its highest


def read_or_refused(path: Path) -> bool:
    """Whether the file was read; AssertionError, or whatever was raised, if it was neither read nor refused in words."""
    began = time.monotonic()
    refusal: MergecastError | None = None
    try:
        _read(path)
    except MergecastError as error:
        refusal = error
    if refusal is not None:
        assert refusal.sentence.strip(), "refused without a word"
        assert refusal.remedy.strip(), f"refused without a remedy: {refusal.sentence}"
    assert time.monotonic() - began < LONGEST, f"{path.name} took {time.monotonic() - began:.0f} s"
    return refusal is None


def highest_memory() -> int:
    """Bytes that this process had at its highest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(path: Path) -> None:
    answer = HiddenRows.READ if path.suffix in (".xlsx", ".ods") else None
    with open_sheet(path, ReadOptions(hidden_rows=answer)) as sheet:
        before = sheet.header_row
        for row in sheet.rows():
            assert row.row > before, "rows go down the sheet"
            before = row.row
            assert len(json.loads(row.cells)) == len(sheet.columns)
            assert (row.address is None) == bool(row.note), "left out with a reason, or not at all"
        assert len(sheet.final_columns()) == len(sheet.columns)
        assert all(finding.sentence for finding in sheet.findings())
