"""Subject, preheader, and words that were never meant to be read."""

import pytest
from laying_out import MARKS, NOWHERE, M, mail
from rendering import ADA, EMPTY, render

from campaigns.compose.inbox import Subjects
from campaigns.compose.layout import LaidOut, lay_out
from campaigns.compose.leftovers import check_value, is_suspicious


def inbox(body: str, kind: str = "html", **more: object) -> list[str]:
    result = lay_out(mail(kind, body, **more), MARKS, NOWHERE)
    assert isinstance(result, LaidOut)
    return [one.code for one in result.findings]


def test_a_preheader_may_stand_hidden_at_the_top_of_the_page() -> None:
    assert inbox('<body><div style="display:none">Read this</div><p>x</p></body>') == []
    assert inbox('<body><p>x</p><div style="display:none">Read this</div></body>') == ["no_preheader"]
    assert inbox('<body><div style="display:none">&nbsp;&zwnj;</div><p>x</p></body>') == ["no_preheader"]


def test_mjml_has_a_preheader_of_its_own() -> None:
    page = "<mjml><mj-head>{}</mj-head><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
    assert inbox(page.format("<mj-preview>Read this</mj-preview>"), "mjml") == []
    assert inbox(page.format(""), "mjml") == ["no_preheader"]


def test_plain_text_has_none() -> None:
    assert inbox("Hello", "txt") == []


def test_a_preheader_that_prints_the_same_fields_as_the_subject_says_the_same() -> None:
    same = {"subject": f"Hello {M[0]}", "preheader": f"hello  {M[1]}"}
    assert inbox("<p>x</p>", slots=(0, 0), **same) == ["preheader_is_subject"]
    assert inbox("<p>x</p>", slots=(0, 1), **same) == []


def subjects(*printed: str) -> list[tuple[int, tuple[int, ...]]]:
    watched = Subjects("mail.md, line 2")
    for row, value in enumerate(printed, 2):
        assert watched.is_plain(row, (0,), [value], 8)
    return [(one.rows, one.first_rows) for one in watched.same()]


def test_two_people_with_one_invoice_are_found() -> None:
    assert subjects(*(f"INV-{n}" for n in range(20)), "INV-3") == [(2, (5, 22))]


def test_names_repeat_and_so_do_small_numbers() -> None:
    assert subjects(*["Ada", "Bob", "Ada", "Cy", "Di", "Ed", "Flo", "Ada"]) == []
    assert subjects(*[str(n % 4) for n in range(1_200)]) == []


def test_a_subject_is_measured_with_its_values() -> None:
    batch = render("<p>x</p>", ADA, ["A" * 80, *ADA[1:]], subject="Hello {{ first_name }}")
    assert [(one.code, one.first_rows) for one in batch.findings] == [("long_subject", (3,))]


def test_a_gap_in_the_subject_is_quoted_and_its_field_is_not_named_twice() -> None:
    batch = render("<p>x</p>", EMPTY, subject="Hello {{ first_name }}, come")
    assert [one.code for one in batch.findings] == ["empty_in_subject"]
    assert "“Hello , come”" in batch.findings[0].sentence
    batch = render("<p>{{ first_name }}</p>", EMPTY, subject="Hello {{ first_name }}")
    assert sorted(one.code for one in batch.findings) == ["empty_field", "empty_in_subject"]


@pytest.mark.parametrize(
    "value", ["None", "nan", "null", "undefined", "#N/A", "#REF!", "{{ name }}", "a {% if %}", "*|FNAME|*"]
)
def test_a_value_that_a_program_left_is_found_in_its_column(value: str) -> None:
    [found] = render("<p>{{ first_name }}</p>", ADA, [value, *ADA[1:]]).findings
    assert (found.code, found.where, found.first_rows) == ("odd_value", "column first_name", (3,))


@pytest.mark.parametrize(
    "value", ["Nan", "Null", "Nonetheless", "banana", "none", "100%%", "{a}", "C*|", "undefined behaviour"]
)
def test_names_and_words_like_it_are_none(value: str) -> None:
    assert check_value(value, "x", "mail.md") is None


def test_a_thousand_rows_are_looked_at_in_one_go() -> None:
    assert not is_suspicious("\0" + "Ada\0Nannette\0None of it\0" * 1000)
    assert is_suspicious("\0" + "Ada\0" * 1000 + "nan\0")


def test_another_programs_merge_fields_are_known_by_our_columns() -> None:
    [found] = render("<p>Dear [First_Name], [sic] «x»</p>").findings
    assert found.code == "unfilled_field"
    assert "[First_Name]" in found.sentence
    assert "{{ first_name }}" in found.remedy
