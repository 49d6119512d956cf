"""Where a sheet's rows come from: how the person says to read it, and the reader that fits the file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from campaigns.errors import SpreadsheetError, Where
from campaigns.model.column import CellKind, Column
from campaigns.model.finding import Finding
from campaigns.recipients.cells import Cell
from campaigns.recipients.csv_file import CsvFile
from campaigns.recipients.opening import FileKind, open_file

Row = tuple[int, Sequence[Cell]]


class HiddenRows(StrEnum):
    """What becomes of rows that the person does not see, because they are hidden or filtered away."""

    READ = "read"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the person says of a sheet, where finding out is not enough."""

    worksheet: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # field -> header; "email" names the address column
    types: Mapping[str, CellKind] = field(default_factory=dict)  # by field name or header
    hidden_rows: HiddenRows | None = None  # without it, a sheet that has some is refused
    locale: str = "en_US"  # decides only what the data leave open
    names: Path | None = None  # the folder whose `columns.toml` says what columns are called, besides ours
    before: Sequence[Column] = ()  # the columns of the list's last sheet


class Source(Protocol):
    """A file's rows; CsvFile, Workbook, OdsFile and BinaryWorkbook."""

    worksheet: str
    encoding: str
    delimiter: str
    sha256: str
    typed: bool
    links: dict[tuple[int, int], str]  # by row and place: the address that a cell's link writes to

    @property
    def hidden(self) -> Sequence[int]: ...  # rows that hold something and are hidden, so far
    def rows(self) -> Iterator[Row]: ...
    def progress(self) -> tuple[int, int]: ...
    def findings(self) -> list[Finding]: ...
    def close(self) -> None: ...


def open_source(path: Path, options: ReadOptions) -> Source:
    """The file, known by its content; SpreadsheetError for what cannot be read so."""
    file, kind = open_file(path)
    try:
        _refuse_what_does_not_fit(path, kind, options)
        return _reader(kind, file, path, options)
    except BaseException:
        file.close()
        raise


def _reader(kind: FileKind, file: BufferedReader, path: Path, options: ReadOptions) -> Source:
    # What reads a workbook is imported only for one: openpyxl takes longer to load than most lists to read.
    skip_hidden = options.hidden_rows is HiddenRows.SKIP
    if kind is FileKind.CSV:
        return CsvFile(file, path, options.encoding)
    if kind is FileKind.XLSX:
        from campaigns.recipients.xlsx_file import Workbook

        return Workbook(file, path, options.worksheet, skip_hidden=skip_hidden)
    if kind is FileKind.ODS:
        from campaigns.recipients.ods_file import OdsFile

        return OdsFile(file, path, options.worksheet, skip_hidden=skip_hidden)
    from campaigns.recipients.binary_file import BinaryWorkbook

    return BinaryWorkbook(file, path, kind, options.worksheet)


def _refuse_what_does_not_fit(path: Path, kind: FileKind, options: ReadOptions) -> None:
    where = Where(file=path.name)
    if kind is FileKind.CSV and options.worksheet is not None:
        sentence = f"{path.name} is a text file and has no worksheets."
        raise SpreadsheetError(sentence, where=where, remedy="Leave out --worksheet.")
    if kind is not FileKind.CSV and options.encoding is not None:
        sentence = f"{path.name} is a workbook, which needs no encoding."
        raise SpreadsheetError(sentence, where=where, remedy="Leave out --encoding.")
    if options.hidden_rows is None or kind in (FileKind.XLSX, FileKind.ODS):
        return
    if kind is FileKind.CSV:
        sentence = f"{path.name} is a text file and has no hidden rows."
        raise SpreadsheetError(sentence, where=where, remedy="Leave out --hidden-rows.")
    if options.hidden_rows is HiddenRows.SKIP:
        sentence = f"Which rows are hidden is not read from an {kind} file."
        raise SpreadsheetError(sentence, where=where, remedy="Save it in Excel as .xlsx, and import that.")
