"""Branches that no row takes are named, and only those."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from rendering import ADA, COLUMNS, EMPTY, source

from campaigns.compose.job import RenderJob
from campaigns.compose.render import Session


def unreached(body: str, *rows: list[Any], **files: str) -> list[tuple[str, str]]:
    template = source(body, **files)
    job = RenderJob(template, COLUMNS, "en", date(2026, 12, 1), "winter", False, False, Path("/nonexistent"))
    session = Session(job)
    batch = session.render(list(enumerate(rows or [ADA], 2)))
    assert not batch.problems, batch.problems
    return [(one.sentence.partition(" is taken")[0], one.where) for one in session.conclusion()]


def test_an_else_that_nobody_reaches_is_named_with_its_line() -> None:
    body = "{% if member %}\nfriend\n{% else %}\nstranger\n{% endif %}"
    assert unreached(body) == [("The else branch of {% if member %}", "mail.html, line 6")]


def test_one_row_is_enough_to_reach_a_branch() -> None:
    assert unreached("{% if member %}friend{% else %}stranger{% endif %}", ADA, EMPTY) == []


def test_each_elif_is_a_branch_of_its_own() -> None:
    body = '{% if first_name == "Bob" %}b{% elif first_name == "Ada" %}a{% elif amount > 3 %}c{% else %}d{% endif %}'
    assert [what for what, _ in unreached(body)] == [
        'The branch {% if first_name == "Bob" %}',
        "The branch {% elif amount > 3 %}",
        'The else branch of {% if first_name == "Bob" %}',
    ]


def test_what_stands_in_a_branch_that_is_not_reached_is_not_named_again() -> None:
    assert len(unreached("{% if not member %}{% if amount > 3 %}x{% endif %}{% endif %}")) == 1


def test_a_loop_that_never_turns_is_named() -> None:
    body = '{% for item in items|split(",") %}{{ item }}{% else %}nothing{% endfor %}'
    assert [what for what, _ in unreached(body)] == ["The else of the loop {% for item in items|split %}"]
    assert [what for what, _ in unreached(body, EMPTY)] == ["The loop {% for item in items|split %}"]


@pytest.mark.parametrize(
    "body",
    [
        '{% if view_url %}<a href="{{ view_url }}">x</a>{% endif %}',
        "{% if today %}{% else %}x{% endif %}",
        '{% for item in items|split(",") %}{% if loop.first %}a{% else %}b{% endif %}{% endfor %}',
        "{% if false %}x{% endif %}",
        "{% macro unused() %}{% if not member %}x{% endif %}{% endmacro %}",
        '{{ "a" if member else "b" }}',
    ],
)
def test_what_says_nothing_of_the_rows_is_left_in_peace(body: str) -> None:
    assert unreached(body) == []


def test_a_layouts_block_that_a_template_replaces_is_left_in_peace() -> None:
    layout = "<p>{% block content %}{% if not member %}x{% endif %}{% endblock %}</p>"
    body = "---\nsubject: x\nlayout: frame.html\n---\nHello"
    assert unreached(body, **{"layouts/frame.html": layout}) == []


def test_branches_of_included_files_and_macros_are_watched() -> None:
    body = '{% include "part.html" %}'
    job_files = {"part.html": "{% if not member %}x{% endif %}"}
    assert unreached(body, **job_files) == [("The branch {% if not member %}", "part.html, line 1")]


def test_no_rows_say_nothing() -> None:
    job = RenderJob(
        source("{% if member %}x{% endif %}"), COLUMNS, "en", date(2026, 12, 1), "x", False, False, Path("/nonexistent")
    )
    assert Session(job).conclusion() == []
