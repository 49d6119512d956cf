"""Binary workbooks (.xls, .xlsb): values without their looks, read by calamine in a bounded process of its own."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from campaigns.errors import MergecastError, SpreadsheetError, Where
from campaigns.model.column import CellKind
from campaigns.model.finding import Finding
from campaigns.model.states import Severity
from campaigns.recipients.addresses import looks_like_address
from campaigns.recipients.cells import Cell, Trouble, Typed, shown
from campaigns.recipients.guards import check_archive
from campaigns.recipients.number_format import show_general
from campaigns.recipients.opening import FileKind, damaged, locked, sha256_of
from campaigns.recipients.worksheets import LOOKED_AT, choose_worksheet

LARGEST = 256 << 20  # bytes of the file
MEMORY = 1 << 30  # bytes that reading it may take
SECONDS = 60  # of CPU time
_MOST_DIGITS = 1e15  # a spreadsheet keeps no more


class BinaryWorkbook:
    """An .xls or .xlsb file and the one worksheet that is read of it; `rows()` may be called once."""

    encoding = ""
    delimiter = ""
    typed = True  # the spreadsheet knows numbers and dates from texts
    hidden: tuple[int, ...] = ()  # calamine does not tell

    def __init__(self, file: BufferedReader, path: Path, kind: FileKind, worksheet: str | None) -> None:
        self._file, self._name, self._kind = file, path.name, kind
        self.links: dict[tuple[int, int], str] = {}
        self.sha256 = sha256_of(file)
        self._refuse_large()
        self._done, self._all = 0, 1
        self._child = _Child(file, path.name)
        try:
            sheets: list[tuple[str, bool]] = self._child.answer()["sheets"]
            titles, hidden = [title for title, _ in sheets], {title for title, is_hidden in sheets if is_hidden}
            self.worksheet = choose_worksheet(path.name, titles, hidden, worksheet, self._has_addresses)
        except BaseException:
            self._child.end()
            raise

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row number and cells of each row with something in it."""
        for answer in self._child.rows(self.worksheet):
            self._done, self._all = answer["upto"], answer["of"]
            for row, cells in answer["rows"]:
                yield row, list(map(_cell, cells))

    def progress(self) -> tuple[int, int]:
        """Rows read so far, and all."""
        return self._done, self._all

    def findings(self) -> list[Finding]:
        return [
            Finding(
                code="plain_values",
                severity=Severity.WARNS,
                sentence=(
                    f"An {self._kind} file gives its values without their looks: 01067, 1.234,50 € and 19% may have become "
                    "1067, 1234.5 and 0.19; a cell with an error, or a formula that was never calculated, is empty. Links are not seen, and hidden rows were read, too."
                ),
                remedy="Look at a preview. To have the cells as they are shown, save the sheet in Excel as .xlsx.",
                where=f"worksheet {self.worksheet}",
            )
        ]

    def close(self) -> None:
        self._child.end()
        self._file.close()

    def _refuse_large(self) -> None:
        if os.fstat(self._file.fileno()).st_size > LARGEST:
            raise SpreadsheetError(
                f"{self._name} is larger than the {LARGEST >> 20} MB that an {self._kind} file may have.",
                where=Where(file=self._name),
                remedy="Save it in Excel as .xlsx or CSV, and import that.",
            )
        if self._kind is FileKind.XLSB:
            try:
                check_archive(ZipFile(self._file), self._name)
            except MergecastError:
                raise
            except Exception as error:  # a damaged archive makes zipfile raise anything
                raise damaged(self._name) from error

    def _has_addresses(self, title: str) -> bool:
        answers = list(self._child.rows(title, most=LOOKED_AT))  # to the end, or the next question gets these answers
        return any(looks_like_address(shown(_cell(c))) for answer in answers for _, row in answer["rows"] for c in row)


class _Child:
    """The process that reads the file; whatever becomes of it is put in words."""

    def __init__(self, file: BufferedReader, name: str) -> None:
        self._name = name
        descriptor = file.fileno()
        self._process = subprocess.Popen(  # noqa: S603  our own module, two numbers and a descriptor
            [sys.executable, "-P", "-m", "campaigns.recipients.binary_child", *map(str, (descriptor, MEMORY, SECONDS))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            env=_bare_environment(),
            cwd="/",
        )

    def rows(self, title: str, most: int | None = None) -> Iterator[dict[str, Any]]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"title": title, "most": most}).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._why_it_ended() from None
        while (answer := self.answer()) is not None:
            yield answer

    def answer(self) -> Any:
        """The next answer; SpreadsheetError where the file cannot be read."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._why_it_ended()
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise self._refusal(answer["error"])
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _why_it_ended(self) -> SpreadsheetError:
        status = self._process.wait()
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            return self._refusal("time")
        return self._refusal("memory" if status == -signal.SIGABRT else "damaged")  # Rust aborts when memory is out

    def _refusal(self, reason: str) -> SpreadsheetError:
        if reason == "password":
            return locked(self._name)
        if reason == "damaged":
            return damaged(self._name)
        needs = f"more than {MEMORY >> 20:,} MB of memory" if reason == "memory" else f"more than {SECONDS} seconds"
        return SpreadsheetError(
            f"{self._name} would take {needs} to read.",
            where=Where(file=self._name),
            remedy="If you made it yourself: save the sheet as .xlsx or CSV, and import that. If not, do not open it.",
        )


def _bare_environment() -> dict[str, str]:
    """Nothing of ours: the environment may hold passwords and keys."""
    house = str(Path(__file__).resolve().parents[2])
    return {"PATH": os.defpath, "PYTHONPATH": house, "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}


def _cell(given: Any) -> Cell:
    """A value as the person most likely sees it, its number format unknown."""
    if isinstance(given, str):
        return given.replace("\0", "")
    if isinstance(given, bool):
        return Typed("TRUE" if given else "FALSE", given, CellKind.YES_NO)
    if isinstance(given, dict):
        if "time" in given:
            return str(given["time"])
        iso = str(given["date"])
        return Typed(iso.replace("T", " ").removesuffix(":00"), iso, CellKind.DATE)
    if not math.isfinite(given):
        return Trouble("#NUM!", "error_cell")
    value = float(f"{given:.15g}")  # as many digits as Excel itself computes with
    if value.is_integer():
        # An order number of twelve digits is one, and 4.91701E+11, which Excel shows without a format, is none.
        return Typed(str(int(value)) if abs(value) < _MOST_DIGITS else show_general(value), int(value), CellKind.NUMBER)
    return Typed(show_general(value), value, CellKind.NUMBER)
