import pytest
from rendering import ADA, EMPTY, TODAY, job, mails, read, render, source, words

from campaigns.compose.render import Session
from campaigns.errors import TemplateError
from campaigns.message import fill

HTML = "<header>{{ campaign }}</header>{% block content %}{% endblock %}{% block foot %}<p>foot</p>{% endblock %}"
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>{% block content %}{% endblock %}</mj-text></mj-column></mj-section></mj-body></mjml>"


def inspect(body, **options):
    kind = options.pop("kind", "html")
    return Session(
        job(source(body, kind, options.pop("subject", "Hello"), **options.pop("files", {})), **options)
    ).inspection()


def refused(body, **options):
    with pytest.raises(TemplateError) as caught:
        inspect(body, **options)
    return caught.value


def test_a_body_stands_in_its_layout():
    body = "---\nsubject: x\nlayout: base.html\n---\n<p>Dear {{ first_name }}</p>"
    assert read(body, files={"layouts__base.html": HTML}) == ["winter Dear Ada foot"]


def test_a_body_may_fill_several_blocks_of_its_layout():
    body = "---\nsubject: x\nlayout: base\n---\n{% block content %}<p>one</p>{% endblock %}{% block foot %}<p>{{ super() }}two</p>{% endblock %}"
    assert read(body, files={"layouts__base.html": HTML}) == ["winter one foottwo"]


def test_extends_in_the_body_does_the_same():
    body = '{% extends "layouts/base.html" %}{% block content %}<p>{{ first_name }}</p>{% endblock %}'
    assert read(body, files={"layouts__base.html": HTML}) == ["winter Ada foot"]


@pytest.mark.parametrize(("kind", "layout"), [("md", "html"), ("md", "mjml"), ("html", "mjml"), ("md", "md")])
def test_a_body_of_another_kind_stands_in_a_layout(kind, layout):
    text = {"html": HTML, "mjml": MJML, "md": "# Top\n\n{% block content %}{% endblock %}\n"}[layout]
    body = f"---\nsubject: x\nlayout: base.{layout}\n---\nDear *{{{{ first_name }}}}*"
    (mail,) = mails(render(body, kind=kind, files={f"layouts__base.{layout}": text}))
    html = fill.html_body(mail)
    assert ("<em" in html) == (kind == "md")
    assert "Ada" in words(html)
    assert ("Top" in words(html)) == (layout == "md")


@pytest.mark.parametrize(
    ("kind", "layout"), [("mjml", "html"), ("txt", "html"), ("html", "txt"), ("md", "txt"), ("html", "md")]
)
def test_a_body_that_cannot_stand_in_its_layout_is_refused(kind, layout):
    body = f"---\nsubject: x\nlayout: base.{layout}\n---\nHello"
    error = refused(body, kind=kind, files={f"layouts__base.{layout}": "{% block content %}{% endblock %}"})
    assert error.sentence == f"A .{kind} template cannot stand in a .{layout} layout."
    assert error.where.line == 3


def test_a_layout_without_a_place_for_the_text_is_refused():
    assert "no place" in refused("---\nsubject: x\nlayout: base\n---\nx", files={"layouts__base.html": "<p>"}).sentence


def test_bulk_markdown_carries_an_unsubscribe_link_and_transactional_does_not():
    assert read("Hello", kind="md", bulk=True) == ["Hello Unsubscribe"]
    assert read("Hello", kind="md", bulk=False) == ["Hello"]
    assert read("Hello [leave]({{ unsubscribe_url }})", kind="md", bulk=True) == ["Hello leave"]


def test_the_inspection_says_what_the_template_uses():
    found = inspect(
        "---\nsubject: Hi {{ first_name }}\nfrom: a@example.com\nreply_to: b@example.com\nkind: transactional\n---\n"
        "{% if amount %}{{ today }}{% endif %}{{ view_url }}"
    )
    assert (found.subject, found.from_, found.reply_to, found.kind) == (
        "Hi {{ first_name }}",
        "a@example.com",
        "b@example.com",
        "transactional",
    )
    assert found.fields_used == ("first_name", "amount")
    assert (found.uses_today, found.uses_view_url, found.uses_unsubscribe) == (True, True, False)
    assert inspect("x", kind="md", bulk=True).uses_unsubscribe


def test_an_unknown_field_is_found_with_its_place_and_a_guess():
    (found,) = inspect("<p>\n  Hello {{ frist_name }}, {{ first_name }}").findings
    assert found.code == "unknown_field"
    assert found.where == "mail.html, line 5, column 12"
    assert (
        found.sentence
        == "There is no merge field “frist_name”. It stands here: Hello {{ frist_name }}, {{ first_name }}"
    )
    assert found.remedy == "Did you mean first_name?"
    assert found.severity == "stops"


@pytest.mark.parametrize(
    "body",
    [
        '{{ nickname|default("x") }}',
        "{% if nickname is defined %}{{ nickname }}{% endif %}",
        "{% if nickname is not defined %}x{% else %}{{ nickname }}{% endif %}",
        "{% if nickname is defined and nickname == 'x' %}{{ nickname }}{% endif %}",
        "{{ nickname if nickname is defined else 'x' }}",
        "{% set nickname = 'x' %}{{ nickname }}",
        "{% for nickname in items|split %}{{ nickname }}{% endfor %}",
        "{% macro m(nickname) %}{{ nickname }}{% endmacro %}{{ m('x') }}",
    ],
)
def test_a_name_that_is_guarded_or_made_is_no_unknown_field(body):
    assert inspect(body).findings == ()
    assert not render(body).problems


@pytest.mark.parametrize("place", ["subject", "preheader", "layout", "block"])
def test_an_unknown_field_is_found_wherever_it_stands(place):
    wrong = "{{ frist_name }}"
    files = {
        "layouts__base.html": HTML + (wrong if place == "layout" else ""),
        "blocks__b.html": wrong if place == "block" else "",
    }
    body = (
        f"---\nsubject: x{wrong if place == 'subject' else ''}\npreheader: x{wrong if place == 'preheader' else ''}\n"
        'layout: base\n---\n{% include "b.html" %}'
    )
    (found,) = inspect(body, files=files).findings
    assert (
        found.where
        == {
            "subject": "mail.html, line 2, column 14",
            "preheader": "mail.html, line 3, column 16",
            "layout": "layouts/base.html, line 1, column 109",
            "block": "blocks/b.html, line 1, column 4",
        }[place]
    )


def test_rows_with_an_unknown_field_are_counted_under_its_finding():
    batch = render("{{ frist_name }}", ADA, ADA)
    assert {(one.code, one.where) for one in batch.problems.values()} == {
        ("unknown_field", "mail.html, line 4, column 4")
    }


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ("x\n{% if first_name %}", 5, "{% endif %} is missing"),
        ("x\n\n{{ first_name", 6, "in the middle"),
        ("{% fi first_name %}", 4, "There is no tag {% fi %}"),
        ("{% endif %}", 4, "closes or continues nothing"),
        ("{% for a in items %}{% endif %}", 4, "comes before"),
        ("{{ first name }}", 4, "“name” is one word too many"),
        ("{{ }}", 4, "is empty"),
        ("{% if first_name = 'x' %}{% endif %}", 4, "One = sets a value"),
        ("{{ “x” }}", 4, "curly quotation mark"),
        ("{% if amount &gt; 1 %}{% endif %}", 4, "stands an &"),
        ("{# never closed", 4, "never closed"),
        ("{{ first_name|uper }}", 4, "There is no filter |uper"),
        ("{% if first_name is defind %}{% endif %}", 4, "There is no test “is defind”"),
        ("{{ (first_name }}", 4, ""),
        ("{% block content %}{% endblock %}{% block content %}{% endblock %}", 4, "stands here twice"),
        ('{% include "blocks/gone.html" ~ row %}', 4, "name of a layout or block is fixed"),
    ],
)
def test_a_syntax_error_is_said_in_plain_words_with_its_line(body, line, says):
    error = refused(body)
    assert says in error.sentence
    assert error.where.file == "mail.html"
    assert error.where.line == line
    assert error.remedy
    for word in ("jinja", "token", "expected an expression", "end of print", "{{{{"):
        assert word not in (error.sentence + error.remedy).lower()


def test_the_line_counts_inside_a_layouts_body_too():
    error = refused("---\nsubject: x\nlayout: base\n---\n\n\n{{ first name }}", files={"layouts__base.html": HTML})
    assert error.where.line == 7


def test_imported_macros_see_the_row_if_they_print_it():
    macros = "{% macro hello() %}Hi {{ first_name }}{% endmacro %}{% macro bye(who) %}Bye {{ who }}{% endmacro %}"
    body = '{% import "m.html" as m %}{{ m.hello() }} {{ m.bye(first_name) }}'
    assert read(body, ADA, ["Bob", *ADA[1:]], files={"blocks__m.html": macros}) == ["Hi Ada Bye Ada", "Hi Bob Bye Bob"]


def test_macros_without_fields_are_loaded_once_and_print_each_row():
    body = '{% from "m.html" import bye %}{{ bye(first_name) }}'
    rows = ([name, *EMPTY[1:]] for name in ("Ada", "Bob"))
    assert read(body, *rows, files={"blocks__m.html": "{% macro bye(who) %}Bye {{ who }}{% endmacro %}"}) == [
        "Bye Ada",
        "Bye Bob",
    ]


def test_today_is_the_day_of_the_campaigns_start():
    assert read('{{ today|date("yyyy-MM-dd") }}') == [TODAY.isoformat()]
