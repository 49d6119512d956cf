"""Values as they are stored, and read again one by one or all at once."""

from hypothesis import given
from hypothesis import strategies as st

from campaigns.message.message import pack_values, unpack_all_values, unpack_values

VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
ROWS = st.integers(0, 5).flatmap(lambda slots: st.lists(st.lists(VALUE, min_size=slots, max_size=slots), max_size=6))


def packed(values: list[str]) -> bytes:
    return pack_values("".join(f"{value}\0" for value in values))


@given(ROWS)
def test_each_gets_its_own_values_be_they_read_one_by_one_or_all_at_once(rows: list[list[str]]) -> None:
    stored = list(map(packed, rows))
    assert [list(unpack_values(one)) for one in stored] == rows
    assert [list(values) for values in unpack_all_values(stored)] == rows


@given(st.lists(st.lists(VALUE, max_size=4), max_size=6))
def test_messages_with_unlike_numbers_of_values_are_kept_apart(rows: list[list[str]]) -> None:
    assert [list(values) for values in unpack_all_values(list(map(packed, rows)))] == rows
