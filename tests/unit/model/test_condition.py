"""Conditions are read as they are printed; whatever else is typed is a ConditionError with its place."""

import string
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.errors import ConditionError
from campaigns.model.condition import And, Comparison, Condition, Not, Operator, Or, Value
from campaigns.model.condition_parser import DEEPEST, LONGEST, parse_condition
from campaigns.recipients.columns import JINJA_WORDS

KEYWORDS = ("and", "or", "not", "in", "is")

fields = st.from_regex(r"[a-zäßж][a-z0-9_äßж]{0,8}", fullmatch=True).filter(lambda name: name not in KEYWORDS)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
numbers = st.integers(-(10**20), 10**20) | st.decimals(-(10**6), 10**6, places=3).map(float)
dates = st.dates(date(1000, 1, 1))
values: st.SearchStrategy[Value] = texts | numbers | dates | st.booleans()
one_value = st.tuples(values)
comparisons = st.one_of(
    st.builds(Comparison, fields, st.sampled_from(list(Operator)[:7]), one_value),
    st.builds(
        Comparison,
        fields,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.lists(values, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(Comparison, fields, st.sampled_from([Operator.EMPTY, Operator.FILLED])),
)


def joined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, parts)


trees = st.recursive(comparisons, joined, max_leaves=8)


@given(trees)
@settings(max_examples=300, deadline=None)
def test_a_printed_tree_is_read_back_as_the_same_tree(tree: Condition) -> None:
    assert parse_condition(str(tree)) == tree


@given(trees, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_blanks_and_capitals_of_keywords_make_no_difference(tree: Condition, random: object) -> None:
    spaced = f"\n {tree}\t "
    assert parse_condition(spaced) == tree
    for word in ("and", "or", "not", "in", "is", "empty", "yes", "no"):
        if "'" not in str(tree):  # a quoted text is as it is
            spaced = spaced.replace(f" {word} ", f"  {word.upper()} ")
    assert parse_condition(spaced) == tree


PIECES = [
    *"'\"()=<>!~,.-_ \n\t\0€é²", "and", "or", "not", "in", "is", "empty", "yes", "no", "a", "country", "'DE'", "''", "1", "1.5",
    "2026-12-01", "2026-13-01", "0000-00-00", "<=", "!=", "‘DE’", "\ud800", "\x85", "9" * 40, "(", "not (",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=60) | st.text(string.printable))
@settings(max_examples=1_000, deadline=None)
def test_any_text_is_a_condition_or_our_error(text: str) -> None:
    tree, error = tried(text)
    if tree is not None:
        assert parse_condition(str(tree)) == tree
    else:
        assert error is not None
        assert error.sentence
        assert error.remedy
        assert 1 <= int(error.where.column or 1) <= len(error.source_line) + 1


def tried(text: str) -> tuple[Condition | None, ConditionError | None]:
    try:
        return parse_condition(text), None
    except ConditionError as error:
        return None, error


def test_and_binds_closer_than_or_and_not_closer_than_both() -> None:
    a, b, c = (Comparison(name, Operator.EQUAL, (1,)) for name in "abc")
    assert parse_condition("a = 1 or b = 1 and c = 1") == Or((a, And((b, c))))
    assert parse_condition("(a = 1 or b = 1) and c = 1") == And((Or((a, b)), c))
    assert parse_condition("not a = 1 and b = 1") == And((Not(a), b))
    assert parse_condition("not (a = 1 and b = 1)") == Not(And((a, b)))


def test_a_quote_mark_inside_a_text_is_doubled() -> None:
    for said in ("name = 'O''Neill'", 'name = "O\'Neill"'):
        assert parse_condition(said) == Comparison("name", Operator.EQUAL, ("O'Neill",))
    assert parse_condition('a = "6"" pipe"') == Comparison("a", Operator.EQUAL, ('6" pipe',))


def test_yes_no_and_empty_may_name_fields() -> None:
    assert parse_condition("no = 7 and empty = yes") == And(
        (Comparison("no", Operator.EQUAL, (7,)), Comparison("empty", Operator.EQUAL, (True,)))
    )


def test_no_field_of_a_sheet_is_one_of_the_words_between_comparisons() -> None:
    """A header `In` becomes the field `in_2`, because templates need the word, too."""
    assert set(KEYWORDS) <= JINJA_WORDS


@pytest.mark.parametrize(
    ("text", "column", "sentence", "remedy"),
    [
        ("country = DE", 11, "“DE” is no value", "'DE'"),
        ("country = 'DE", 11, "never closed", "O''Neill"),
        ("country = ‘DE’", 11, "‘ is no quote mark", "straight"),
        ("country == 'DE'", 9, "“==” has no meaning", "Write = "),
        ("country <> 'DE'", 9, "“<>” has no meaning", "Write != "),
        ("country ≠ 'DE'", 9, "“≠” has no meaning", "Write != "),
        ("country = 'DE' && plan = 'a'", 16, "“&” has no meaning", "Write and "),
        ("country = 'DE' plan = 'a'", 16, "“plan” cannot follow", "`and`"),
        ("country = 'DE' and", 19, "The condition ends where a field", "import"),
        ("country =", 10, "The condition ends where a value", "2026-12-01"),
        ("'DE' = country", 1, "“'DE'” stands where a field", "without quotes"),
        ("(country = 'DE'", 16, "closing bracket is missing", "and"),
        ("country = 'DE')", 15, "never opened", "Take it out"),
        ("country in 'DE'", 12, "values in brackets", "('DE', 'AT')"),
        ("country in ()", 13, "“)” stands where a value", "'text'"),
        ("country is 'DE'", 12, "`is` goes with `empty` alone", "="),
        ("country not 'DE'", 13, "goes with `in` alone", "not in"),
        ("amount > 1,234.50", 11, "comma has no meaning", "1234.50"),
        ("amount > 12.", 10, "no number", "1234.50"),
        ("due < 2026-02-30", 7, "no date of the calendar", "2026-12-01"),
        ("first-name = 'Ada'", 6, "no number, no date and no field", "first_name"),
        ("member", 7, "comparison is missing after “member”", "is empty"),
        ("member yes", 8, "comparison is missing after “member”", "member = yes"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_do(text: str, column: int, sentence: str, remedy: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse_condition(text)
    assert sentence in refused.value.sentence
    assert refused.value.where.column == str(column)
    assert refused.value.source_line == text
    assert remedy in refused.value.remedy


def test_the_place_in_a_condition_of_several_lines_has_a_line() -> None:
    with pytest.raises(ConditionError) as refused:
        parse_condition("country = 'DE'\nand plan = free\nand a = 1")
    assert (refused.value.where.line, refused.value.where.column) == (2, "12")
    assert refused.value.source_line == "and plan = free"


def test_length_and_depth_are_bounded() -> None:
    deepest = "(" * (DEEPEST - 1) + "a = 1" + ")" * (DEEPEST - 1)
    assert parse_condition(deepest) == parse_condition("a = 1")
    for text in (f"({deepest})", f"not {deepest}", "not " * 900 + "a = 1", "(" * LONGEST):
        with pytest.raises(ConditionError, match="stand inside each other"):
            parse_condition(text)
    with pytest.raises(ConditionError, match=r"4,001 characters; 4,000 are the most"):
        parse_condition("a" * (LONGEST + 1))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_condition_is_refused(text: str) -> None:
    with pytest.raises(ConditionError, match="is empty"):
        parse_condition(text)
