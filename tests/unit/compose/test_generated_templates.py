"""Layout once a shape equals laying out each mail by itself, for templates that nobody thought of."""

from typing import Any
from urllib.parse import quote

import jinja2
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from laying_out import MARKS, NOWHERE, mail, message
from rendering import mails, render

from campaigns.compose.compare import same
from campaigns.compose.layout import LaidOut, lay_out
from campaigns.message import fill

FIELDS = st.sampled_from(["first_name", "items", "locale"])
PRINTED = st.builds(
    "{{{{ {}{} }}}}".format, FIELDS, st.sampled_from(["", "|default('-', true)", "|replace('x', 'y')|upper"])
)
COUNTS = st.integers(0, 3)
URLS = FIELDS.map("{{{{ {}|urlencode }}}}".format) | st.just("1")
CONDITIONS = st.builds(
    "{} {}".format,
    FIELDS,
    st.sampled_from(["== 'Ada'", "", "!= items", "in ['de', 'fr']", "and first_name", "is defined"]),
)
MACRO = "{% macro card(title, words='') %}<b title=\"{{ title }}\">{{ title }}</b>{% if words %} {{ words }}{% endif %}{% endmacro %}"


def inline(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """HTML that may stand in a text, with Jinja in texts, attributes, tables, loops, macros and conditions."""
    return st.one_of(
        st.builds("<p>Dear {}, {}!</p>".format, leaf, leaf),
        st.builds('<a href="https://x.example/?q={}" title="{}">go</a>'.format, URLS, PRINTED),
        st.builds("<table><tr><td>{}</td><td>{}</td></tr></table>".format, leaf, leaf),
        st.builds("{{% if {} %}}{}{{% else %}}<i>{}</i>{{% endif %}}".format, CONDITIONS, leaf, leaf),
        st.builds("<ul>{{% for n in range({}) %}}<li>{{{{ n }}}} {}</li>{{% endfor %}}</ul>".format, COUNTS, leaf),
        st.builds("{{{{ card({}, {}) }}}}".format, FIELDS, FIELDS),
        st.builds("{{% set kept = {} %}}<div>{{{{ kept }}}} {}</div>".format, FIELDS, leaf),
        st.builds(
            '<table>{{% for one in [{}, {}] %}}<tr class=\'{{{{ loop.cycle("a", "b") }}}}\'><td>{{{{ one }}}}</td></tr>'
            "{{% endfor %}}</table>".format,
            FIELDS,
            FIELDS,
        ),
    )


def urls(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return FIELDS.map("{{{{ {}|urlencode }}}}".format) | st.just("1")


QUICKLY = (Phase.explicit, Phase.reuse, Phase.generate)  # what fails is short enough to read
HTML = st.lists(st.recursive(PRINTED, inline, max_leaves=6), min_size=1, max_size=5).map("\n".join)
# Values with all that means something to HTML and to Jinja, but without what the text part leaves out.
LETTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\u034f")
VALUES = st.sampled_from(["", "Ada", "de", 'Ann "Q" <b>&amp; O\'Neil', "{{ 7 }}", "</td></table>", "a, b"])
ROWS = st.lists(st.tuples(*[VALUES | st.text(LETTERS, min_size=1, max_size=9)] * 3), min_size=1, max_size=4)
STYLE = "p{color:red} td>b{margin:0 !important} .a{top:0} a:hover{color:blue} @media (max-width:9em){p{color:green}}"


def row(first_name: str, items: str, locale: str) -> list[Any]:
    return [first_name or None, None, None, None, items or None, locale or None]


def each_by_itself(kind: str, body: str, values: tuple[str, str, str]) -> str:
    """The mail of one row as plain Jinja writes it and layout finds it, without any hole."""
    plain = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    plain.filters["urlencode"] = lambda value: quote(value, safe="")  # a / would part the link
    written = plain.from_string(body).render(zip(("first_name", "items", "locale"), values, strict=True))
    laid_out = lay_out(mail(kind, written, slots=()), MARKS, NOWHERE)
    assert isinstance(laid_out, LaidOut)
    return fill.html_body(message(laid_out.shape)) or ""


def assert_equal(kind: str, body: str, rows: list[tuple[str, str, str]]) -> None:
    for filled, values in zip(mails(render(body, *(row(*one) for one in rows), kind=kind)), rows, strict=True):
        assert same(fill.html_body(filled) or "", each_by_itself(kind, body, values)), values


@settings(max_examples=25, deadline=None, phases=QUICKLY)
@given(HTML, ROWS)
def test_html(html, rows):
    assert_equal("html", f"{MACRO}<html><head><style>{STYLE}</style></head><body>{html}</body></html>", rows)


@settings(max_examples=25, deadline=None, phases=QUICKLY)
@given(HTML, ROWS, CONDITIONS, FIELDS)
def test_mjml(html, rows, condition, field):
    head = f"<mj-attributes><mj-class name='big' font-size='30px'/></mj-attributes><mj-style>{STYLE}</mj-style>"
    maybe = f"<mj-button href='https://x.example/?q={{{{ {field}|urlencode }}}}'>{{{{ {field} }}}}</mj-button>"
    column = (
        f"<mj-text mj-class='big'>{html}</mj-text>{{% if {condition} %}}{maybe}{{% endif %}}"
        f"<mj-image src='https://x.example/a.png' alt='{{{{ {field} }}}}'/>"
    )
    body = f"<mjml><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>{column}</mj-column></mj-section></mj-body></mjml>"
    assert_equal("mjml", f"{MACRO}{body}", rows)
