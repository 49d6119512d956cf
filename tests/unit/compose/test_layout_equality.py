"""Laid out once with marks and filled, a mail equals one laid out with the values in place."""

import html
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laying_out import MARKS, NOWHERE, M, mail, message, tree

from campaigns.compose.layout import LaidOut, lay_out
from campaigns.compose.marked import MarkedMail, TemplateKind
from campaigns.message import fill

VALUES = (
    'Ann "Q" <b>&amp; O\'Neil',
    "</td></tr>--><script>alert(1)</script>",
    "*a* _b_ [c](d) `e` | f",
    "Zoë 名 Дарья ﷼",
    "1. x # y > z",
    "{{ 7 }} {% x %}",
    "https://shop.example.com/a b?x=1&y='2'",
)


def everything(text: str) -> str:
    """Every character that could mean something to HTML or Markdown as an entity."""
    return "".join(c if c.isalnum() and c.isascii() else f"&#{ord(c)};" for c in text)


def in_place(marked: str, values: tuple[str, ...]) -> str:
    """The source as it were with the values in it: `M[n]` as text, `?M[n]` percent-encoded in a link."""
    for number, value in reversed(list(enumerate(values))):
        marked = marked.replace(f"={M[number]}", "=" + quote(value, safe=""))
        marked = marked.replace(M[number], everything(value))
    return marked


def both(kind: str, body: str, values: tuple[str, ...], frame: str | None = None, frame_kind: str = "html"):
    slots = tuple(range(len(values)))
    with_marks = MarkedMail(TemplateKind(kind), "s", "", body, slots, frozenset(), frame, TemplateKind(frame_kind))
    with_values = MarkedMail(
        TemplateKind(kind),
        "s",
        "",
        in_place(body, values),
        (),
        frozenset(),
        frame and in_place(frame, values),
        TemplateKind(frame_kind),
    )
    once, each = lay_out(with_marks, MARKS, NOWHERE), lay_out(with_values, MARKS, NOWHERE)
    assert isinstance(once, LaidOut)
    assert isinstance(each, LaidOut)
    return message(once.shape, values), message(each.shape)


def assert_equal(filled, plain) -> None:
    assert tree(fill.html_body(filled)) == tree(fill.html_body(plain))
    assert fill.text(filled).split() == fill.text(plain).split()


HEAD = "<style>p{color:red} td>b{margin:0} a:hover{color:blue} @media (max-width:9em){p{color:green}}</style>"
PIECES = [
    f"<p>Dear {M[0]}, {M[1]}!</p>",
    f"<table><tbody><tr><td><b>{M[1]}</b></td><td>{M[2]}</td></tr></tbody></table>",
    f'<a href="https://x.example/?a={M[2]}&amp;b={M[3]}" title="for {M[3]}">go {M[4]}</a>',
    f'<img src="https://x.example/i.png?u={M[0]}" alt="{M[1]}">',
    f"<ul><li>{M[5]}</li><li>x</li></ul>",
    f"<p>{M[0]}<p>{M[1]}",
    f"<h1>{M[2]}</h1><blockquote>{M[3]}</blockquote>",
    f'<!--[if mso]><v:rect href="https://x.example/?q={M[2]}">{M[1]}</v:rect><![endif]-->',
    f"<table><tr><th>{M[4]}</th><th>n</th></tr><tr><td>{M[5]}</td><td>2</td></tr></table>",
    f"<div>{M[6]} <i>x</i> {M[6]}</div>",
    f"<pre>{M[3]}\n  x</pre>",
]
MJ_PIECES = [
    f"<mj-text>Dear {M[0]}, <b>{M[1]}</b>!</mj-text>",
    f'<mj-button href="https://x.example/?q={M[2]}">{M[3]}</mj-button>',
    f'<mj-image src="https://x.example/a.png" alt="of {M[1]}" href="https://x.example/?q={M[4]}"></mj-image>',
    f"<mj-table><tr><th>{M[0]}</th><th>b</th></tr><tr><td>{M[5]}</td><td>{M[6]}</td></tr></mj-table>",
    f"<mj-raw><p>{M[2]}</p></mj-raw>",
    "<mj-divider border-width='1px'></mj-divider><mj-spacer height='3px'/>",
]
MD_PIECES = [
    f"Dear **{M[0]}**, {M[1]}!",
    f"# {M[2]}",
    f"| a | b |\n|---|---|\n| {M[3]} | {M[4]} |\n| x | {M[5]} |",
    f"- {M[0]}\n- {M[1]}\n  - {M[2]}",
    f"[go {M[3]}](https://x.example/?q={M[4]})",
    f"> {M[5]}\n> and *{M[6]}*",
    f'<p align="right">{M[0]}</p>',
    f"1. {M[1]}\n2. x",
    f"![{M[2]}](https://x.example/a.png?u={M[3]})",
]
# Without what the text part leaves out of constants: invisible characters, doubled blanks.
letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Z"), exclude_characters="\u034f")
values = st.tuples(*[st.sampled_from(VALUES) | st.text(letters, min_size=1)] * 7)


def chosen(pieces: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(pieces), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(chosen(PIECES), values)
def test_html_filled_equals_html_laid_out_with_its_values(pieces, given_values):
    assert_equal(*both("html", HEAD + "\n".join(pieces), given_values))


@settings(max_examples=60, deadline=None)
@given(chosen(MJ_PIECES), values, st.booleans())
def test_mjml_filled_equals_mjml_laid_out_with_its_values(pieces, given_values, style):
    head = "<mj-head><mj-style>p{color:red} .x:hover{margin:0}</mj-style></mj-head>" if style else ""
    columns = "".join(f"<mj-column>{piece}</mj-column>" for piece in pieces)
    body = f"<mjml>{head}<mj-body><mj-section>{columns}</mj-section></mj-body></mjml>"
    assert_equal(*both("mjml", body, given_values))


@settings(max_examples=60, deadline=None)
@given(chosen(MD_PIECES), values, st.booleans())
def test_markdown_filled_equals_markdown_laid_out_with_its_values(pieces, given_values, in_mjml):
    frame = f'{HEAD}<div class="mail">{MARKS.content}</div><p>{M[0]}</p>'
    if in_mjml:
        frame = f"<mjml><mj-body><mj-section><mj-column><mj-text>{MARKS.content}</mj-text></mj-column></mj-section></mj-body></mjml>"
    assert_equal(*both("md", "\n\n".join(pieces), given_values, frame, "mjml" if in_mjml else "html"))


TEMPLATES = {
    "hero": (
        "mjml",
        (
            f'<mjml><mj-body><mj-hero background-url="https://x.example/h.jpg" background-height="200px" height="200px">'
            f"<mj-text>Hi {M[0]}</mj-text><mj-button href='https://x.example/?q={M[1]}'>Go</mj-button></mj-hero></mj-body></mjml>"
        ),
    ),
    "columns": (
        "mjml",
        (
            f"<mjml><mj-body><mj-section><mj-group><mj-column width='40%'><mj-text>{M[0]}</mj-text></mj-column>"
            f"<mj-column width='60%'><mj-text>{M[1]} &amp; {M[2]}</mj-text></mj-column></mj-group></mj-section></mj-body></mjml>"
        ),
    ),
    "title and preview": (
        "mjml",
        (
            f"<mjml><mj-head><mj-title>For {M[0]}</mj-title><mj-preview>{M[1]} waits</mj-preview></mj-head>"
            f"<mj-body><mj-section><mj-column><mj-text>{M[2]}</mj-text></mj-column></mj-section></mj-body></mjml>"
        ),
    ),
    "navigation": (
        "mjml",
        (
            f"<mjml><mj-body><mj-section><mj-column><mj-navbar hamburger='hamburger'>"
            f"<mj-navbar-link href='https://x.example/?q={M[3]}'>{M[4]}</mj-navbar-link></mj-navbar>"
            f"<mj-social><mj-social-element name='github' href='https://x.example/?u={M[5]}'>{M[6]}</mj-social-element></mj-social>"
            f"</mj-column></mj-section></mj-body></mjml>"
        ),
    ),
    "accordion and carousel": (
        "mjml",
        (
            f"<mjml><mj-body><mj-section><mj-column><mj-accordion><mj-accordion-element><mj-accordion-title>{M[0]}"
            f"</mj-accordion-title><mj-accordion-text>{M[1]}</mj-accordion-text></mj-accordion-element></mj-accordion>"
            f"<mj-carousel><mj-carousel-image src='https://x.example/1.png' alt='{M[2]}'/></mj-carousel>"
            f"</mj-column></mj-section></mj-body></mjml>"
        ),
    ),
    "background": (
        "mjml",
        (
            f"<mjml><mj-body background-color='#eeeeee'><mj-wrapper background-url='https://x.example/b.png?q={M[4]}'><mj-section>"
            f"<mj-column><mj-text>{M[0]}</mj-text></mj-column></mj-section></mj-wrapper></mj-body></mjml>"
        ),
    ),
    "attributes and classes": (
        "mjml",
        (
            f"<mjml><mj-head><mj-attributes><mj-all font-family='Arial'/><mj-class name='big' font-size='30px'/></mj-attributes>"
            f"<mj-style inline='inline'>.x b {{ color: red }}</mj-style></mj-head><mj-body><mj-section><mj-column>"
            f"<mj-text mj-class='big' css-class='x'><b>{M[0]}</b></mj-text></mj-column></mj-section></mj-body></mjml>"
        ),
    ),
    "raw with Outlook": (
        "mjml",
        (
            f"<mjml><mj-body><mj-raw><!--[if mso]><table><tr><td><![endif]--></mj-raw><mj-section><mj-column><mj-text>"
            f"{M[0]}<br>{M[1]}</mj-text></mj-column></mj-section><mj-raw><!--[if mso]></td></tr></table><![endif]--></mj-raw>"
            f"</mj-body></mjml>"
        ),
    ),
    "old table layout": (
        "html",
        (
            f'<html><head><style type="text/css">.w{{width:600px}} .w td{{padding:4px}}</style></head><body bgcolor="#ffffff">'
            f'<table class="w" width="600" role="presentation"><tr><td align="center"><img src="https://x.example/l.gif" alt="{M[0]}">'
            f'</td></tr><tr><td>Dear {M[1]},<br><br>{M[2]}</td></tr><tr><td><a href="https://x.example/?p={M[3]}">{M[4]}</a></td></tr>'
            f"</table></body></html>"
        ),
    ),
    "bulletproof button": (
        "html",
        (
            f'<!DOCTYPE html><html><body><!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml"'
            f' href="https://x.example/?q={M[2]}"><center>{M[0]}</center></v:roundrect><![endif]--><!--[if !mso]><!-->'
            f'<a href="https://x.example/?q={M[2]}" style="display:inline-block;mso-hide:all">{M[0]}</a><!--<![endif]--></body></html>'
        ),
    ),
    "dark mode": (
        "html",
        (
            f"<html><head><style>@media (prefers-color-scheme: dark) {{ .d {{ color: #fff !important }} }} [data-ogsc] .d {{ color:"
            f' #eee }} .d {{ color: #111 }} u + .body .d {{ margin: 0 }}</style></head><body class="body"><p class="d">{M[0]}</p></body></html>'
        ),
    ),
    "fragment": ("html", f"<p>Just {M[0]} and <b>{M[1]}"),
    "revealed to others": ("html", f"<div><![if !mso]><p>{M[0]}</p><![endif]></div>"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_of_many_styles_filled_equal_those_laid_out_with_values(name):
    kind, body = TEMPLATES[name]
    for start in range(len(VALUES)):
        assert_equal(*both(kind, body, VALUES[start:] + VALUES[:start]))


def test_the_values_arrive_as_they_were():
    filled, _ = both("html", f"<p>{M[0]}</p>", VALUES)
    assert html.escape(VALUES[0]) in (fill.html_body(filled) or "")


def test_the_text_of_a_filled_mail_is_raw():
    filled, _ = both("html", f"<p>{M[0]}</p>", VALUES)
    assert fill.text(filled) == VALUES[0] + "\n"


def test_a_subject_with_holes_is_filled_plainly():
    result = lay_out(mail("txt", "x", subject=f"Dear  {M[0]},\n hi"), MARKS, NOWHERE)
    assert isinstance(result, LaidOut)
    assert fill.subject(message(result.shape, ("A & B",))) == "Dear A & B, hi"
