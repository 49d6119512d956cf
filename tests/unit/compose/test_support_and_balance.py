"""CSS that mail programs leave out, and tags that do not match: found where they stand, and nowhere else."""

import tomllib
from pathlib import Path

import pytest
from laying_out import codes, laid_out

import campaigns.compose.support as support_module

RULES = tomllib.loads(Path(support_module.__file__).with_name("mail_css.toml").read_text(encoding="utf-8"))


def told(body: str, kind: str = "html") -> list[str]:
    return [one.sentence for one in laid_out(kind, body).findings if one.code.startswith(("unsupported", "unbalanced"))]


@pytest.mark.parametrize(
    ("css", "said"),
    [
        ("position:absolute", "position: absolute"),
        ("DISPLAY: inline-flex", "display: inline-flex"),
        ("display:grid", "display: grid"),
        ("float:left", "float: left"),
        ("background: url(https://x.test/a.png)", "background: url"),
        ("margin: 0 -4px", "margin: 0 -4px"),
        ("margin-top:-4px", "margin-top: -4px"),
        ("width: calc(100% - 4px)", "width: calc"),
        ("color: var(--accent)", "color: var"),
        ("animation: turn 2s", "animation"),
    ],
)
def test_a_style_is_found_in_an_attribute_and_in_a_style_block(css: str, said: str) -> None:
    [in_attribute] = told(f'<p style="{css}">x</p>')
    [in_block] = told(f"<style>p {{ {css} }}</style><p>x</p>")
    assert said in in_attribute
    assert said in in_block


@pytest.mark.parametrize(
    "body",
    [
        '<p style="color:red;float:none;position:static;display:inline-block;margin:0 auto">x</p>',
        "<style>@media (max-width:480px){p{display:flex}} p{color:red}</style><p>x</p>",
        "<style>/* position: absolute */ @supports (display:grid){p{display:grid}}</style><p>x</p>",
        '<!--[if mso]><p style="position:absolute">x</p><![endif]-->',
        "<p>position: absolute</p>",
    ],
)
def test_what_harms_nobody_is_not_found(body: str) -> None:
    assert told(body) == []


def test_rules_behind_a_media_query_are_looked_at_again() -> None:
    assert len(told("<style>@media print{a{b:c}} p{float:left}</style><p>x</p>")) == 1


def test_one_style_used_often_is_said_once() -> None:
    assert len(told('<p style="float:left">x</p>' * 50)) == 1


@pytest.mark.parametrize("tag", ["<script>x</script>", "<form></form>", "<video></video>", "<svg><path/></svg>"])
def test_tags_that_mail_programs_drop_are_found(tag: str) -> None:
    assert len(told(f"<div>{tag}</div>")) == 1


def test_each_rule_names_clients_and_a_remedy() -> None:
    for rule in (*RULES["css"], *RULES["at"], *RULES["tag"]):
        assert rule["clients"]
        assert rule["remedy"].endswith(".")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<div>x", "<div> is never closed."),
        ("<table><tr><td><b>x</td></tr></table>", "<b> is never closed."),
        ("x</div>", "</div> closes nothing that is open there."),
        ("<div/>", "<div> is never closed."),
    ],
)
def test_a_tag_that_does_not_match_is_found(body: str, said: str) -> None:
    assert told(body) == [said]


@pytest.mark.parametrize(
    "body",
    [
        "<p>one<p>two<ul><li>a<li>b</ul><br></br><img alt='' src='https://x.test/a'></p>",
        "<table><tr><td>a<td>b<tr><td>c</table>",
        "<!--[if mso]><table><tr><td><![endif]--><p>x</p><!--[if mso]></td></tr></table><![endif]-->",
        "<!DOCTYPE html><html><head><title>a<b</title></head><body>x",
    ],
)
def test_what_html_allows_is_not_found(body: str) -> None:
    assert told(body) == []


def test_html_inside_markdown_is_looked_at_too() -> None:
    assert told("Hello\n\n<div>\n\nyou\n", "md") == ["<div> is never closed."]


@pytest.mark.parametrize("url", [
    "https:/x.test", "https:///x.test", "http//x.test", "https//x.test", "htps://x.test", "ttps://x.test",
    "https://https://x.test", "https://a b.test/", "https://.x.test", "mailto:", "mailto:ada", "tel:", "ada@x.test",
])  # fmt: skip
def test_a_mistyped_link_is_found(url: str) -> None:
    assert codes(laid_out("html", f'<a href="{url}">x</a>')) == ["broken_link"]


@pytest.mark.parametrize("url", [
    "https://x.test/a?b=c&amp;d=http://e", "https://x.test/ada@x.test", "https://x.test/a,b;c", "tel:(030)1", "https://x.test:8080/",
    "mailto:a@x.test?subject=Hi%20you", "webcal://x.test/a.ics", "https://user@x.test/", "https://münchen.test/",
])  # fmt: skip
def test_an_odd_link_may_be_right(url: str) -> None:
    assert codes(laid_out("html", f'<a href="{url}">x</a>')) == []
