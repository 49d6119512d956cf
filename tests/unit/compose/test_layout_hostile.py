"""Whatever a template holds, layout answers with a shape, Findings or a TemplateError, and soon."""

import contextlib
import random
import time

import pytest
from laying_out import MARKS, NOWHERE, M, mail, shown

from campaigns.compose.layout import LaidOut, NeedsLiterals, lay_out
from campaigns.errors import TemplateError

SECONDS = 20.0  # what is linear takes one or two; what is quadratic takes minutes

HTML = f"""<!DOCTYPE html><html><head><title>{M[0]}</title><style>p {{ color: red }} a:hover {{ top: 0 }}
@media print {{ p {{ color: blue }} }}</style></head><body class="x"><!--[if mso]><table><tr><td><![endif]-->
<p title="a {M[1]}">Dear {M[2]}, <a href="https://x.example/?q={M[3]}&amp;r=1">go</a> <img src="{M[4]}" alt="{M[5]}"></p>
<table><tr><th>a</th></tr><tr><td>{M[6]}</td></tr></table><ul><li>x<li>y</ul></body></html>"""
MJML = f"""<mjml><mj-head><mj-title>{M[0]}</mj-title><mj-style>p {{ color: red }}</mj-style><mj-attributes><mj-all color="red"/>
</mj-attributes></mj-head><mj-body><mj-section background-url="https://x.example/b.png"><mj-column width="50%">
<mj-text css-class="x">Dear {M[1]} <b>x</b><br></mj-text><mj-button href="{M[2]}">{M[3]}</mj-button>
<mj-image src="https://x.example/a.png" alt="{M[4]}" /><mj-table><tr><td>{M[5]}</td></tr></mj-table></mj-column></mj-section>
<mj-raw><!--[if mso]><p><![endif]--></mj-raw></mj-body></mjml>"""
MARKDOWN = f'# Hi {M[0]}\n\n*{M[1]}* [go]({M[2]} "t")\n\n| a | b |\n|---|---|\n| {M[3]} | 2 |\n\n> - {M[4]}\n\n<div>{M[5]}</div>\n'
SPICES = [
    "<", ">", '"', "'", "&", "=", "/", "<!--", "-->", "<![CDATA[", "]]>", "<!", "<?", "</", "<!ENTITY a 'b'>", "&#0;", "&#x110000;",
    "&a;", "<svg>", "<math>", "<style>", "</style>", "<script>", "<plaintext>", "<textarea>", "<title>", "<table>", "<select>",
    "<template>", "<frameset>", "</html>", "</body>", "</p>", "\x01", "\x02", "\x05", "\x0c", "\u202e", "\ufeff", "\x85", "\u2028",
    "<a " * 50, "<b>" * 60, "{" * 40, "[" * 80, "(" * 80, "*" * 80, "`" * 80, "url(", "@import 'x';", "style=", " href=", " class=",
    "<!--[if mso]>", "<![endif]-->", "<mj-text>", "</mj-text>", "<mj-raw>", "<mj-include path='/etc/passwd'/>", "|" * 40, "\\", "<base href='x:y'>",
]  # fmt: skip


def survives(kind: str, body: str, **more: object) -> None:
    begun = time.perf_counter()
    with contextlib.suppress(TemplateError):
        result = lay_out(mail(kind, body, **more), MARKS, NOWHERE)
        assert isinstance(result, (LaidOut, NeedsLiterals))
        if isinstance(result, LaidOut):
            assert not MARKS.pattern.search(shown(result.shape.html) + shown(result.shape.text))
            assert all(c not in shown(result.shape.text) for c in "\x01\x02\x03\x04\x05")
    assert time.perf_counter() - begun < SECONDS


def mutated(source: str, dice: random.Random) -> str:
    for _ in range(dice.randint(1, 6)):
        at, to = sorted(dice.randrange(len(source) + 1) for _ in range(2))
        to = min(to, at + 40)
        spice = dice.choice([*SPICES, M[dice.randrange(7)]])
        source = dice.choice([
            source[:at] + spice + source[at:],
            source[:at] + source[to:],
            source[:at] + source[at:to] * 3 + source[to:],
            source[:at] + spice + source[to:],
        ])  # fmt: skip
    return source


@pytest.mark.parametrize(("kind", "source"), [("html", HTML), ("mjml", MJML), ("md", MARKDOWN)])
def test_mutated_templates_neither_crash_nor_hang(kind, source):
    dice = random.Random(kind)
    for _ in range(400):
        body = mutated(source, dice)
        if all(int(number) < 40 for number in MARKS.pattern.findall(body)):  # no mutation of marks themselves
            survives(kind, body)


BOMBS = {
    "10,000 nested tags": "<div>" * 10_000,
    "10,000 nested and closed": "<b>" * 10_000 + "</b>" * 10_000,
    "self-closed tags that are none": "<div/>" * 20_000,
    "nested tables": "<table><tr><td>" * 5_000,
    "lists": "<ul><li>" * 5_000,
    "formatting reopened": "<p>" + "".join(f"<b id={n}>" for n in range(200)) + "</p>" + "<p>x</p>" * 40_000,
    "misnested": "<a><p></a></p>" * 30_000,
    "misnested formatting": "<b><i></b></i>" * 30_000,
    "half a megabyte of an attribute": f'<p title="{"x" * 500_000}">x</p>',
    "100,000 attributes": "<p " + " ".join(f"a{n}=1" for n in range(60_000)) + ">x",
    "an attribute never closed": '<p title="' + "<a>" * 100_000,
    "less-than signs": "<" * 500_000,
    "half tags": "<a " * 200_000,
    "half attributes": "<a b=" * 100_000,
    "quotes": "<a " + "'\"" * 200_000 + ">",
    "comments never closed": "<!--" * 200_000,
    "comments": "<!---->" * 100_000,
    "conditions never closed": "<!--[if mso]>" * 70_000,
    "raw text never closed": "<style>" * 100_000,
    "titles": "<title>x</title>" * 50_000,
    "entities": "&lt;" * 200_000,
    "an entity bomb": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><p>&b;</p>',
    "selectors": "<style>" + ":not(" * 5_000 + "a" + ")" * 5_000 + "{color:red}</style><p>x",
    "rules nested": "<style>" + "@media x{" * 20_000 + "</style><p>x",
    "css brackets": "<style>p{color:" + "(" * 100_000 + "}</style><p>x",
    "css urls": "<style>" + "url(" * 50_000 + "</style><p style='" + "url(" * 50_000 + "'>x",
    "many rules and tags": "<style>" + "p{a:b}" * 60_000 + "</style>" + "<p>x" * 60_000,
    "many marks": f"<p title='{M[0]}'>{M[1]}</p>" * 9_000,
    "marks in one attribute": f'<p title="{M[0] * 20_000}">x</p>',
    "many links": "<a href='x'>x</a>" * 40_000,
    "breaks": "<br>" * 200_000,
    "blanks": " " * 900_000,
    "blanks between breaks": "<p> </p>" * 100_000,
    "quotes in quotes": "<blockquote>" * 250 + "x<br>" * 2_000 + "</blockquote>" * 250,
    "svg and math": "<svg><style><a>" * 80 + "<math><mtext><p>" * 80,
    "nested conditions": "<!--[if a]>" * 100 + "x" + "<![endif]-->" * 100,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_of_html_do_not_go_off(name):
    survives("html", BOMBS[name])


MD_BOMBS = {
    "brackets": "[" * 50_000,
    "links in links": "[a](" * 20_000,
    "emphasis": "*a **b " * 20_000,
    "underscores": "_" * 100_000,
    "backticks": "`" + "a`` " * 40_000,
    "quotes": ">" * 50_000 + "x",
    "lists": "- " * 20_000 + "x",
    "tables": "|" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "|x" * 20_000,
    "half tags": "<a " * 50_000,
    "html": "<div>\n\n" * 10_000,
    "references": "[a]: b\n" * 20_000 + "[a]" * 20_000,
    "entities": "&#35;" * 50_000,
    "escapes": "\\*" * 100_000,
}


@pytest.mark.parametrize("name", MD_BOMBS)
def test_bombs_of_markdown_do_not_go_off(name):
    survives("md", MD_BOMBS[name])


def mjml(content: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{content}</mj-column></mj-section></mj-body></mjml>"


MJML_BOMBS = {
    "nested text": "<mj-text>" + "<div>" * 9_000 + "</div>" * 9_000 + "</mj-text>",
    "nested sections": "<mj-section>" * 9_000,
    "many columns": "</mj-column><mj-column>" * 9_000,
    "many texts": "<mj-text>x</mj-text>" * 9_000,
    "huge attribute": f'<mj-text color="{"x" * 500_000}">x</mj-text>',
    "huge numbers": '<mj-text padding="99999999999999999999px" font-size="-1e99px">x</mj-text><mj-image width="1e400px" src="https://x.example" alt=""/>',
    "no numbers": '<mj-image width="NaNpx" src="" alt=""/><mj-spacer height="px"/><mj-divider border-width=""/>',
    "quotes": '<mj-text a="' * 5_000,
    "carousel": "<mj-carousel>" + '<mj-carousel-image src="https://x.example/a" />' * 300 + "</mj-carousel>",
    "empty": "<mj-accordion/><mj-carousel/><mj-navbar/><mj-social/><mj-table/><mj-button/><mj-image/>",
}


@pytest.mark.parametrize("name", MJML_BOMBS)
def test_bombs_of_mjml_do_not_go_off(name):
    survives("mjml", mjml(MJML_BOMBS[name]))


@pytest.mark.parametrize("text", ["\x01\x02", "a\x05" + "0:1\x05", "\x05" + "9:99\x05"])
def test_control_characters_of_a_template_are_not_taken_for_ours(text):
    survives("html", f"<p>{text}{M[0]}</p><a href='{text}'>x</a>")


def test_a_subject_and_a_preheader_of_any_kind_pass():
    survives("html", "<p>x</p>", subject="<b>\n" * 9_000, preheader="</div>-->" * 9_000 + M[1])


@pytest.mark.parametrize("place", ["subject", "preheader", "body"])
def test_a_nul_is_refused_wherever_it_stands(place):
    """`{{ "\\0"|safe }}` makes one; values have their ends marked by it."""
    with pytest.raises(TemplateError, match="holds a NUL"):
        lay_out(mail("html", **{"body": "<p>x</p>", "subject": f"a {M[0]}", place: f"a\0 {M[0]}"}), MARKS, NOWHERE)
