"""docs/audience.md: the row that it shows goes through the import, and each condition is asked of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from campaigns.errors import ConditionError
from campaigns.model.column import Column
from campaigns.model.condition_parser import DEEPEST, LONGEST
from campaigns.model.predicate import rules_of
from campaigns.recipients.sheet import ReadOptions, open_sheet
from tests.doubles import pages

PAGE = pages.page("docs/audience.md")
ROW = next(table for table in pages.tables(PAGE) if table[0][0] == "Country")
HOLD, HOLD_NOT, MISTAKE = (block.text for block in pages.blocks(PAGE, "text"))


@pytest.fixture
def sheet(tmp_path: Path) -> tuple[Sequence[Column], list[Any]]:
    lines = [",".join(["Email", *ROW[0]]), ",".join(["ada@example.org", *ROW[1]])]
    (tmp_path / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    with open_sheet(tmp_path / "people.csv", ReadOptions()) as opened:
        [row] = opened.rows()
        return opened.columns, json.loads(row.cells)


@pytest.mark.parametrize(("text", "holds"), [(HOLD, True), (HOLD_NOT, False)])
def test_each_condition_holds_or_not_as_the_page_says(
    sheet: tuple[Sequence[Column], list[Any]], text: str, holds: bool
) -> None:
    columns, cells = sheet
    lines = text.splitlines()
    assert len(lines) > 3
    assert {line: all(rule.holds(cells) for rule in rules_of(line, columns)) for line in lines} == dict.fromkeys(
        lines, holds
    )


def test_the_mistake_that_it_shows_is_told_in_those_words(sheet: tuple[Sequence[Column], list[Any]]) -> None:
    with pytest.raises(ConditionError) as refused:
        rules_of("cuntry = 'DE'", sheet[0])
    error = refused.value
    assert [error.sentence, str(error.where), error.source_line, "^", error.remedy] == [
        line.strip() for line in MISTAKE.splitlines()
    ]


def test_the_bounds_are_those_of_the_parser() -> None:
    assert f"at most {LONGEST:,} characters, and {DEEPEST} brackets" in PAGE
