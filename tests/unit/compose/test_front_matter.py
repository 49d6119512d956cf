import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.compose.front_matter import KEYS, parse
from campaigns.errors import TemplateError


def test_a_value_is_all_that_stands_behind_the_first_colon():
    matter = parse("---\nsubject: Reminder: {{ first_name }}, your order\n---\nbody\n", "x.md")
    assert matter.text("subject") == "Reminder: {{ first_name }}, your order"
    assert (matter.body, matter.body_line) == ("body\n", 4)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"Hello"', "Hello"),
        ("'Hello'", "Hello"),
        ('"a" and "b"', '"a" and "b"'),
        ('"', '"'),
        ('""', ""),
        ("\"x'", "\"x'"),
    ],
)
def test_quotes_around_a_value_are_optional(written, meant):
    assert parse(f"---\nsubject: {written}\n---\n", "x.md").text("subject") == meant


def test_without_front_matter_all_is_body():
    matter = parse("Hello\n---\nsubject: x\n---\n", "x.md")
    assert (matter.entries, matter.body_line) == ({}, 1)
    assert matter.body.startswith("Hello")


@pytest.mark.parametrize(
    ("lines", "line", "sentence", "remedy"),
    [
        ("subjekt: x", 2, "There is no setting “subjekt” for a template.", "Did you mean subject?"),
        ("subject: x\n\nzebra: y", 4, "There is no setting “zebra” for a template.", "There is subject"),
        ("just words", 2, "A line between the two --- has no colon.", "Write"),
        ("subject: x\nsubject: y", 3, "“subject” stands here twice.", "Keep"),
        ("from: {{ owner }}", 2, "“from” is the same for everybody.", "Write it without"),
        ("kind: loud", 2, "“loud” is no kind of mail.", "bulk or transactional"),
    ],
)
def test_a_wrong_line_is_named(lines, line, sentence, remedy):
    with pytest.raises(TemplateError) as caught:
        parse(f"---\n{lines}\n---\nbody", "x.md")
    assert caught.value.sentence == sentence
    assert remedy in caught.value.remedy
    assert (caught.value.where.file, caught.value.where.line) == ("x.md", line)
    assert caught.value.source_line == lines.split("\n")[line - 2]


def test_front_matter_that_never_ends_is_said():
    with pytest.raises(TemplateError, match="no second ---"):
        parse("---\nsubject: x\n", "x.md")


@given(
    st.dictionaries(
        st.sampled_from(("subject", "preheader", "reply_to")),
        st.text(st.characters(exclude_characters="\n\r{\"'")).map(str.strip),
    ),
    st.text(),
)
def test_what_was_written_is_read(entries, body):
    lines = "".join(f"{key}: {value}\n" for key, value in entries.items())
    matter = parse(f"---\n{lines}---\n{body}", "x.md")
    assert {key: entry.text for key, entry in matter.entries.items()} == entries
    assert matter.body == body


@given(st.text())
def test_any_text_is_parsed_or_refused_with_a_place(text):
    try:
        known = set(parse(text, "x.md").entries) <= set(KEYS)
    except TemplateError as error:
        known = bool(error.where.line)
    assert known
