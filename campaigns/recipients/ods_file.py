"""OpenDocument sheets (.ods): the worksheet chosen, its rows streamed, each cell as LibreOffice shows it.

The file keeps what each cell shows beside its value. Readers made for speed drop that; so the XML is read here.
"""

import re
from array import array
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from zipfile import ZipFile

from campaigns.errors import MergecastError
from campaigns.model.finding import Finding
from campaigns.recipients.cells import Cell
from campaigns.recipients.guards import check_archive
from campaigns.recipients.ods_rows import list_tables, parse_table
from campaigns.recipients.opening import damaged, sha256_of
from campaigns.recipients.sheet_part import SheetPart, guarded
from campaigns.recipients.worksheets import choose_worksheet

_CONTENT = "content.xml"
_TABLE_BEGINS = re.compile(rb"<(?:[\w.-]+:)?table[\s>]")
_LONGEST_TAG = 64


class OdsFile:
    """An .ods file and the one worksheet that is read of it; `rows()` may be called once."""

    encoding = ""
    delimiter = ""
    typed = True  # the spreadsheet knows numbers and dates from texts

    def __init__(self, file: BufferedReader, path: Path, worksheet: str | None, *, skip_hidden: bool = False) -> None:
        self._file = file
        self._name = path.name
        self._skip_hidden = skip_hidden
        self._part: SheetPart | None = None
        self.sha256 = sha256_of(file)
        self.hidden = array("I")
        self.links: dict[tuple[int, int], str] = {}
        try:
            self._archive = ZipFile(file)
            check_archive(self._archive, path.name, streamed=_CONTENT)
            self._size = self._archive.getinfo(_CONTENT).file_size
            self.worksheet = self._choose(worksheet)
        except MergecastError:
            raise
        except Exception as error:  # a damaged file makes zipfile and expat raise anything
            raise damaged(self._name) from error

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row number and cells of each row with something in it."""
        with self._archive.open(_CONTENT) as stream:
            self._part = SheetPart(stream, skip_hidden=self._skip_hidden, hidden=self.hidden)
            yield from guarded(parse_table(self._part, self.worksheet, self.links), self._name, self.worksheet)

    def progress(self) -> tuple[int, int]:
        """Bytes of the content read so far, and all."""
        return (min(self._part.read_so_far, self._size) if self._part else 0), self._size

    def findings(self) -> list[Finding]:
        return []

    def close(self) -> None:
        self._file.close()

    def _choose(self, wanted: str | None) -> str:
        """All worksheets are looked through for their titles only where there is more than one."""
        with self._archive.open(_CONTENT) as stream:
            tables = list_tables(SheetPart(stream), only_one=self._count_tables() == 1)
        has_addresses = {table.title for table in tables if table.has_addresses}
        hidden = {table.title for table in tables if table.hidden}
        titles = [table.title for table in tables]
        return choose_worksheet(self._name, titles, hidden, wanted, has_addresses.__contains__)

    def _count_tables(self) -> int:
        count, tail = 0, b""
        with self._archive.open(_CONTENT) as stream:
            while chunk := stream.read(1 << 20):
                count += len(_TABLE_BEGINS.findall(tail + chunk)) - len(_TABLE_BEGINS.findall(tail))
                tail = chunk[-_LONGEST_TAG:]
        return count
