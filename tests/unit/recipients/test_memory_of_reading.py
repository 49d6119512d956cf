"""Reading takes the same memory however many rows there are."""

import tracemalloc
from pathlib import Path

from campaigns.recipients.sheet import open_sheet


def peak(path: Path, rows: int) -> int:
    lines = (f"P{n},p{n}@d{n % 50}.example.com,{n}.5\n" for n in range(rows))
    path.write_text("Name,E-Mail,Amount\n" + "".join(lines))
    tracemalloc.start()
    with open_sheet(path) as sheet:
        assert sum(1 for _ in sheet.rows()) == rows
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


def test_five_times_the_rows_take_no_more_memory(tmp_path):
    peak(tmp_path / "warm.csv", 100)
    few, many = peak(tmp_path / "few.csv", 8_000), peak(tmp_path / "many.csv", 40_000)
    assert many < few * 1.2
