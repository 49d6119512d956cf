"""The bounded process that reads .xls and .xlsb: `python -m campaigns.recipients.binary_child`, asked by `binary_file.py`.

calamine holds a worksheet in memory whole, gaps as well, and a few bytes can ask for gigabytes of it. Here that ends
this process, and nothing else.
"""

import datetime as dt
import json
import os
import resource
import sys
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum, load_workbook

CELLS_AT_ONCE = 10_000
LONGEST_ANSWER = 64 << 20  # bytes


def main() -> None:
    """Takes the file's descriptor and the limits as arguments, the titles of worksheets on standard input.

    Answers in lines of JSON: the worksheets, then for each title that is asked for its rows, and null at their end.
    """
    descriptor, memory, seconds = map(int, sys.argv[1:])
    _limit(memory, seconds)
    with _private(1) as answers:
        try:
            with os.fdopen(descriptor, "rb") as file:
                book = _opened(file)
            _say(answers, {"sheets": _sheets(book)})
            for line in sys.stdin:
                asked = json.loads(line)
                _say_rows(answers, book, asked["title"], asked["most"])
        except PasswordError:
            _say(answers, {"error": "password"})
        except MemoryError:
            _say(answers, {"error": "memory"})
        except BrokenPipeError:
            os._exit(0)  # whoever asked has seen enough
        except BaseException:  # noqa: BLE001  a panic in calamine is no Exception
            _say(answers, {"error": "damaged"})


def _limit(memory: int, seconds: int) -> None:
    with suppress(OSError, ValueError):  # macOS knows RLIMIT_AS but does not take it
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + memory,) * 2)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _address_space() -> int:
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    return 256_000_000


def _private(descriptor: int) -> TextIO:
    """An output of ours, kept from anything that prints."""
    mine = os.dup(descriptor)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return os.fdopen(mine, "w", encoding="utf-8")


def _opened(file: BinaryIO) -> CalamineWorkbook:
    file.seek(0)  # the descriptor was read with by others
    return load_workbook(BytesIO(file.read()))


def _sheets(book: CalamineWorkbook) -> list[tuple[str, bool]]:
    """Title, and whether it is hidden, of each worksheet."""
    return [
        (sheet.name, sheet.visible is not SheetVisibleEnum.Visible)
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet
    ]


def _say_rows(answers: TextIO, book: CalamineWorkbook, title: str, most: int | None) -> None:
    """The rows that have something in them, some at a time."""
    sheet = book.get_sheet_by_name(title)
    rows = islice(enumerate(sheet.iter_rows(), 1), most)  # from the first row on, but from the first column in use
    left = [""] * (sheet.start or (0, 0))[1]
    at_once = max(1, CELLS_AT_ONCE // max(1, sheet.total_width))
    while some := list(islice(rows, at_once)):
        filled = [(row, cells) for row, whole in some if (cells := _up_to_the_last(left + whole))]
        _say(answers, {"upto": some[-1][0], "of": sheet.total_height, "rows": filled})
    _say(answers, None)


def _up_to_the_last(cells: list[Any]) -> list[Any]:
    """The cells up to the last one with something in it."""
    end = len(cells)
    while end and cells[end - 1] == "":
        end -= 1
    return cells[:end]


def _say(answers: TextIO, document: Any) -> None:
    text = json.dumps(document, default=_as_json, separators=(",", ":"))
    if len(text) > LONGEST_ANSWER:  # whoever asks has to hold it
        raise MemoryError
    answers.write(f"{text}\n")
    answers.flush()


def _as_json(value: object) -> dict[str, str]:
    """A date under "date", a time of day or a span under "time"."""
    if isinstance(value, dt.datetime):
        return {"date": (value + dt.timedelta(milliseconds=500)).replace(microsecond=0).isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, dt.time):
        value = dt.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
    assert isinstance(value, dt.timedelta)
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return {"time": f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")}


if __name__ == "__main__":
    main()
