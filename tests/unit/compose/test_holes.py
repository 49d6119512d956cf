import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rendering import ADA, EMPTY, mails, problem, read, render, words

from campaigns.message import fill
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL, Hole

BODY = """<p>Dear {{ first_name }}, {{ items|upper }}!</p>
{% if items == "tea" %}<p>Only tea</p>{% elif items|length > 3 %}<p>More: {{ items }}</p>{% endif %}
{% macro bold(text) %}<b title="{{ text }}">{{ text }}</b>{% endmacro %}
{% for letter in items %}<i>{{ letter }}{{ bold(first_name) }}</i>{% endfor %}
{% set greeting %}Hi {{ first_name }}{% endset %}
{% if greeting == "Hi Ada" %}<p>It is Ada</p>{% endif %}
{% if greeting %}<p>{{ greeting }} {{ greeting ~ "!" }}</p>{% endif %}
{{ bold("x" ~ first_name) }}
<p>{{ first_name ~ "<" ~ items }}</p>"""

cell = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.one_of(cell, st.just("Ada")), st.one_of(cell, st.just("tea"))), min_size=1, max_size=6))
def test_a_mail_reads_as_plain_jinja_writes_it(people):
    plain = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(BODY)
    rows = [[name, None, None, None, items, None] for name, items in people]
    batch = render(BODY, *rows)
    # A reader sees no control characters; what matters here is that no value got lost, moved or was taken for markup.
    expected = [words(plain.render(first_name=name, items=items)) for name, items in people]
    assert [words(fill.html_body(mail)) for mail in mails(batch)] == expected
    assert not [one for one in batch.findings if one.code == "layout_differs"]


def test_rows_of_one_path_share_a_shape_whatever_they_print():
    rows = [[f"Name {n}", *ADA[1:]] for n in range(50)]
    batch = render("<p>{{ first_name }} {{ amount }} {{ first_name|upper }}</p>", *rows)
    assert len(batch.shapes) == 1
    assert {shape for _, shape, _ in batch.rows} == {0}


def test_the_other_branch_is_another_shape_even_with_the_same_words():
    batch = render("{{ first_name if member else items }}", ADA, [*ADA[:3], ["nein", False], *ADA[4:]])
    assert [values for _, _, values in batch.rows] == ["Ada\0", "tea, milk\0"]


def test_a_value_printed_thrice_is_stored_once():
    (_, _, values), *_ = render("{{ first_name }}{{ first_name }}{{ first_name }}", subject="{{ first_name }}").rows
    assert values == "Ada\0"


def test_only_what_is_printed_is_stored():
    (_, _, values), *_ = render("{% if amount > 5 and items %}{{ first_name }}{% endif %}").rows
    assert values == "Ada\0"


def test_subject_and_preheader_have_holes_too():
    batch = render(
        "---\nsubject: Hi {{ first_name }} & co\npreheader: For {{ items }}\n---\n<p>x</p>", ["<A>", *ADA[1:]]
    )
    mail = mails(batch)[0]
    assert fill.subject(mail) == "Hi <A> & co"
    assert "For tea, milk" in fill.html_body(mail)


def test_own_links_are_computed_when_the_mail_leaves():
    batch = render('<a href="{{ unsubscribe_url }}">x</a><a href="{{ view_url }}">y</a>', public=True)
    slots = {piece.slot for piece in batch.shapes[0][1].html if isinstance(piece, Hole)}
    assert slots == {UNSUBSCRIBE_URL, VIEW_URL}
    assert batch.rows[0][2] == ""


def test_view_url_without_a_public_address_is_a_clear_mistake():
    assert "public_url" in problem("{{ view_url }}").remedy
    assert read("{% if view_url %}{{ view_url }}{% endif %}none") == ["none"]


def test_empty_printed_fields_are_counted_with_their_place():
    batch = render("<p>{{ first_name }}</p>\n<p>{{ first_name }}{{ items }}</p>", ADA, EMPTY, [*EMPTY[:4], "tea", None])
    found = {one.where: (one.code, one.severity, one.rows, one.first_rows) for one in batch.findings}
    assert found == {
        "mail.html, line 4, column 7": ("empty_field", "warns", 2, (3, 4)),
        "mail.html, line 5, column 23": ("empty_field", "warns", 1, (3,)),
    }


@pytest.mark.parametrize("value", ["a\0b", "a\ud800b"])
def test_a_character_that_no_mail_may_hold_leaves_its_row_out(value):
    batch = render("{{ first_name }}", [value, *ADA[1:]], ADA)
    assert [(one.code, one.severity, one.first_rows) for one in batch.problems.values()] == [
        ("unusable_character", "leaves_out", (2,))
    ]
    assert batch.rows[1] == (3, 0, "Ada\0")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "", "data:text/html,x", "/etc/passwd"])
def test_a_link_that_leads_elsewhere_leaves_its_row_out(link):
    batch = render('<a href="{{ first_name }}">x</a>', [link, *ADA[1:]])
    assert [(one.code, one.severity) for one in batch.problems.values()] == [("unfit_link", "leaves_out")]


@pytest.mark.parametrize(
    "body",
    [
        "{% filter upper %}Hello {{ first_name }}{% endfilter %}",
        "{% set x %}{{ first_name }}{% endset %}{{ x|upper }}",
        "{% set x %}{{ first_name }}{% endset %}{{ x[0] }}",
        "{% set x %}{{ first_name }}{% endset %}{{ x.upper() }}",
        "{% macro m() %}{{ first_name }}{% endmacro %}{{ m()|lower }}",
        "{% set x %}{{ first_name }}{% endset %}{{ [x]|join('-')|truncate(3) }}",
    ],
)
def test_changing_a_text_that_holds_fields_is_refused_with_the_remedy(body):
    assert "first_name" in problem(body).remedy or "merge field" in problem(body).remedy


def test_a_value_that_decides_the_layout_becomes_part_of_the_shape():
    batch = render(
        '<style>.gold{color:gold}</style><p class="{{ items }}">x</p>', [*ADA[:4], "gold", None], [*ADA[:4], "x", None]
    )
    assert len(batch.shapes) == 2
    assert all(values == "" for _, _, values in batch.rows)


@pytest.mark.parametrize(
    "value", ["*a* _b_ <i>c</i>", "# x", "1. x", "[a](https://example.com)", "a\n\nb", "`x`", "a & b"]
)
def test_a_value_means_nothing_to_markdown(value):
    (mail,) = mails(render("# Hello {{ first_name }}\n\n{{ first_name }} is here.", [value, *ADA[1:]], kind="md"))
    html = fill.html_body(mail)
    assert words(html) == " ".join(f"Hello {value} {value} is here.".split())
    assert html.count("<h1") == 1
    assert "<em" not in html


def test_a_table_from_data_has_a_shape_for_each_length():
    body = "<table>{% for item in items|split %}<tr><td>{{ item }}</td></tr>{% endfor %}</table>"
    rows = [[*ADA[:4], ",".join(f"item {n}" for n in range(length)), None] for length in (1, 2, 3, 1, 2, 3)]
    batch = render(body, *rows)
    assert [shape for _, shape, _ in batch.rows] == [0, 1, 2, 0, 1, 2]


def test_plain_text_is_not_escaped():
    (mail,) = mails(
        render(
            "Dear {{ first_name }} & {% if items %}{{ items|safe }}{% endif %}",
            ["<A>", *ADA[1:4], "<b>", None],
            kind="txt",
        )
    )
    assert fill.text(mail).strip() == "Dear <A> & <b>"
    assert fill.html_body(mail) is None


@pytest.mark.parametrize(
    "body",
    [
        '<a title="{{ first_name|safe }}">x</a>',
        '<a href="{{ first_name|safe }}">x</a>',
        "<a title='a>b' href={{ first_name|safe }}>x</a>",
        "<style>p { color: {{ first_name|safe }} }</style>",
    ],
)
@pytest.mark.parametrize("value", ['" onclick="x()', "<b></b>javascript:x()", '<b title="y onclick=x() ">'])
def test_safe_inside_a_tag_is_refused(body, value):
    assert "|safe stands inside a tag" in problem(body, [value, *ADA[1:]]).sentence


@pytest.mark.parametrize("kind", ["html", "md"])
def test_safe_between_tags_is_fine(kind):
    body = "<p>Dear {{ first_name|safe }} there</p>"
    assert read(body, ["<b>Ada</b> & <i>Bob</i>", *ADA[1:]], kind=kind) == ["Dear Ada & Bob there"]


def test_a_value_put_behind_a_macros_text_is_a_hole_still():
    body = '{% macro m() %}{% endmacro %}<a href="{{ m() + first_name }}">x</a>'
    assert problem(body, ["javascript:x()", *ADA[1:]]).code == "unfit_link"


def test_a_filter_block_without_fields_is_fine():
    assert read("{% filter upper %}<b>hello</b>{% endfilter %}") == ["HELLO"]


def test_values_are_never_taken_for_marks():
    batch = render("{{ first_name }} {{ items }}", ["q0123456789n0z", *ADA[1:]])
    assert fill.text(mails(batch)[0]).strip() == "q0123456789n0z tea, milk"
