"""What conditions mean for the cells of a row, and what does not go together."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import ConditionError
from campaigns.model.column import CellKind, Column
from campaigns.model.condition import Comparison, Operator, say_value
from campaigns.model.predicate import rules_of

COLUMNS = tuple(
    Column(place, field.title(), field, kind)
    for place, (field, kind) in enumerate(
        [
            ("country", CellKind.TEXT),
            ("amount", CellKind.NUMBER),
            ("due", CellKind.DATE),
            ("member", CellKind.YES_NO),
            ("zip", CellKind.TEXT),
        ]
    )
)
FULL = ["  Österreich ", ["1.234,50", 1234.5], ["1.12.2026", "2026-12-01"], ["ja", True], "01067"]
EMPTY = [None] * 5
UNREADABLE = ["?", ["about 5", None], ["soon", None], ["perhaps", None], "1"]


def holds(condition: str, cells: list[Any]) -> bool:
    return all(rule.holds(cells) for rule in rules_of(condition, COLUMNS))


@pytest.mark.parametrize(
    ("condition", "full", "empty", "unreadable"),
    [
        ("country = 'österreich'", True, False, False),
        ("country = ' ÖSTERREICH'", True, False, False),
        ("country = 'O\u0308sterreich'", True, False, False),  # the same letter, composed otherwise
        ("country != 'Österreich'", False, True, True),
        ("country = ''", False, True, False),
        ("country in ('', 'DE')", False, True, False),
        ("country ~ 'REICH'", True, False, False),
        ("country < 'p'", False, False, True),
        ("country >= 'österreich'", True, False, False),
        ("country is empty", False, True, False),
        ("country is not empty", True, False, True),
        ("zip = '01067'", True, False, False),
        ("zip = '1067'", False, False, False),
        ("amount = 1234.50", True, False, False),
        ("amount > 1000 and amount < 2000.25", True, False, False),
        ("amount >= -5", True, False, False),
        ("amount < 1", False, False, False),
        ("not amount >= 1", False, True, True),
        ("amount != 7", True, True, True),
        ("amount in (7, 1234.5)", True, False, False),
        ("amount not in (7, 1234.5)", False, True, True),
        ("amount is empty", False, True, False),
        ("amount ~ '234,5'", True, False, False),  # what the sheet shows
        ("amount ~ 'ABOUT'", False, False, True),
        ("due = 2026-12-01", True, False, False),
        ("due < 2026-12-02 and due > 2026-11-30", True, False, False),
        ("due <= 2026-11-30", False, False, False),
        ("due in (2026-12-01, 2027-1-1)", True, False, False),
        ("member = yes", True, False, False),
        ("member != yes", False, True, True),
        ("member = no", False, False, False),
        ("COUNTRY = 'DE' OR Member = YES", True, False, False),
        ("not (country = 'DE' or member = no)", True, True, True),
    ],
)
def test_what_holds_for_a_filled_an_empty_and_an_unreadable_row(
    condition: str, full: bool, empty: bool, unreadable: bool
) -> None:
    assert [holds(condition, cells) for cells in (FULL, EMPTY, UNREADABLE)] == [full, empty, unreadable]


FIELDS = st.sampled_from([column.field for column in COLUMNS])
VALUES = st.sampled_from(["DE", "österreich", "1", "", 5, 1234.5, -1, date(2026, 12, 1), date(1999, 1, 1), True, False])
COMPARISONS = st.one_of(
    st.builds(Comparison, FIELDS, st.sampled_from(list(Operator)[:7]), st.tuples(VALUES)),
    st.builds(Comparison, FIELDS, st.just(Operator.IN), st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Comparison, FIELDS, st.just(Operator.EMPTY)),
)


@given(COMPARISONS, COMPARISONS)
@settings(max_examples=300, deadline=None)
def test_every_condition_is_answered_or_refused_and_obeys_logic(one: Comparison, other: Comparison) -> None:
    try:
        rules_of(f"{one} and {other}", COLUMNS)
    except ConditionError:
        return
    for cells in (FULL, EMPTY, UNREADABLE):
        a, b = holds(str(one), cells), holds(str(other), cells)
        assert holds(f"not {one}", cells) is not a
        assert holds(f"{one} and {other}", cells) is (a and b)
        assert holds(f"{one} or {other}", cells) is (a or b)
        assert holds(f"not ({one} or {other})", cells) is not (a or b)
        if one.operator is Operator.IN:
            assert a is any(holds(f"{one.field} = {say_value(value)}", cells) for value in one.values)
            assert holds(f"{one.field} not in ({', '.join(map(say_value, one.values))})", cells) is not a


def test_letters_of_different_length_compare_without_regard_to_capitals() -> None:
    assert holds("country = 'STRASSE'", ["straße", None, None, None, None])
    assert holds("country ~ 'ΣΑΣ'", ["οὐσας", None, None, None, None])


@pytest.mark.parametrize("at", ["2026-12-01T00:00:00", "2026-12-01T23:59:59"])
def test_a_cell_with_a_time_of_day_counts_as_its_day(at: str) -> None:
    cells = [None, None, ["1 Dec, 9:00", at], None, None]
    assert holds("due = 2026-12-01 and due >= 2026-12-01 and not due > 2026-12-01", cells)


def test_a_blank_text_is_empty_even_where_it_has_blanks() -> None:
    assert holds("country is empty and country = ''", [" \u00a0", None, None, None, None])


def test_each_part_that_and_joins_is_a_rule_of_its_own() -> None:
    rules = rules_of("country='DE' AND (amount>1 or member = yes) and not due is empty", COLUMNS)
    assert [rule.text for rule in rules] == ["country = 'DE'", "amount > 1 or member = yes", "not due is empty"]
    assert [rule.holds(FULL) for rule in rules] == [False, True, True]


@pytest.mark.parametrize(
    ("condition", "column", "sentence", "remedy"),
    [
        ("contry = 'DE'", 1, "no field “contry”", "Did you mean country?"),
        ("country = 'DE' and xyz = 1", 20, "no field “xyz”", "There is country, amount, due, member, zip."),
        ("zip = 1067", 7, "The column zip is a text, and 1067 is a number", "Put it in quotes: '1067'"),
        ("zip > 2026-12-01", 7, "is a text, and 2026-12-01 is a date", "--type zip=date"),
        ("zip = yes", 7, "is a text, and yes is yes or no", "--type zip=yes_no"),
        ("amount = '7'", 10, "The column amount is a number, and '7' is a text", "without quotes: amount > 100"),
        ("amount in (7, 'x')", 15, "and 'x' is a text", "without quotes"),
        ("amount = yes", 10, "and yes is yes or no", "with a number"),
        ("amount = ''", 10, "and '' is a text", "`amount is empty`"),
        ("due > '2026-12-01'", 7, "The column due is a date", "without quotes: due < 2026-12-01"),
        ("due = 5", 7, "The column due is a date, and 5 is a number", "with a date"),
        ("member = 1", 10, "The column member is yes or no, and 1 is a number", "member = yes"),
        ("member > no", 8, "neither is larger", "member = yes"),
        ("zip ~ 5", 7, "`~` looks for a text", "zip ~ '5'"),
        ("zip ~ ' '", 7, "Every text contains this", "zip is not empty"),
    ],
)
def test_what_does_not_go_together_is_said_with_its_place(
    condition: str, column: int, sentence: str, remedy: str
) -> None:
    with pytest.raises(ConditionError) as refused:
        rules_of(condition, COLUMNS)
    assert sentence in refused.value.sentence
    assert refused.value.where.column == str(column)
    assert remedy in refused.value.remedy
