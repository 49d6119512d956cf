"""What a browser shows of a page with style blocks is shown of the inlined page: rule against rule, element by element."""

import re

import pytest

from campaigns.compose.inline import inlined
from campaigns.compose.precedence import overlap
from campaigns.model.finding import Finding

SMALL = "@media (max-width: 600px)"


def inline(css: str, body: str) -> tuple[str, str, list[Finding]]:
    """(the style block, the body, what is said), with no more blanks than they need."""
    page, findings = inlined(f"<!DOCTYPE html><html><head><style>{css}</style></head><body>{body}</body></html>")
    assert "mergecast" not in page
    block, _, rest = re.sub(r"\s*([:;{}])\s*", r"\1", page).partition("</style>")
    return block.partition("<style>")[2], rest.partition("<body>")[2].partition("</body>")[0], findings


def test_what_a_rule_for_small_screens_beats_gives_way_and_nothing_else() -> None:
    block, body, findings = inline(
        f".card .cell {{ padding: 9px }} p {{ padding: 1px }} {SMALL} {{ .cell {{ padding: 0 }} }}",
        '<div class="card"><b class="cell">a</b></div><p class="cell">b</p>',
    )
    assert ".cell{padding:0 !important}" in block
    assert '<b class="cell" style="padding:9px !important;">' in body
    assert '<p class="cell" style="padding:1px;">' in body
    assert not findings


@pytest.mark.parametrize(
    ("css", "beats"),
    [
        (f"p {{ color: red }} {SMALL} {{ p {{ color: blue }} }}", True),
        (f"{SMALL} {{ p {{ color: blue }} }} p {{ color: red }}", False),  # alike: the later one counts
        (f"#i {{ color: red }} {SMALL} {{ .c.c.c {{ color: blue }} }}", False),
        (f"p[class] {{ color: red }} {SMALL} {{ div p.c {{ color: blue }} }}", True),
        (f"p:not(.x) {{ color: red }} {SMALL} {{ p.c {{ color: blue }} }}", True),
        (f"p.c:first-child {{ color: red }} {SMALL} {{ p.c {{ color: blue }} }}", False),
        (f"p {{ color: red !important }} {SMALL} {{ .c.c.c {{ color: blue }} }}", False),
        (f"p {{ padding: 1px }} {SMALL} {{ .c {{ padding-left: 2px }} }}", True),
        (f".c {{ padding-left: 1px }} {SMALL} {{ p {{ padding: 2px }} }}", False),
        (f"p {{ border-radius: 1px }} {SMALL} {{ .c {{ border: 0 }} }}", False),
        (".c { color: red } p:hover { color: blue }", True),  # :hover counts as much as a class
        (".c.c { color: red } p:hover { color: blue }", False),
        (f".a, .b {{ color: red }} {SMALL} {{ .nowhere, p {{ color: blue }} }}", False),
    ],
)
def test_specificity_order_and_importance_decide(css: str, beats: bool) -> None:
    block, _, _ = inline(css, '<div><p class="a c" id="i">x</p></div>')
    assert ("blue !important" in block or "2px !important" in block) == beats


def test_a_style_attribute_of_the_author_withstands_what_becomes_important_for_others() -> None:
    css = f".c {{ width: 9px }} {SMALL} {{ .c {{ width: 100% }} }}"
    block, body, _ = inline(css, """<p class="c" style="font-family:'A b';width:5px">a</p><p class="c">b</p>""")
    assert "width:100% !important" in block
    assert re.search(r"style=\"font-family:'A b';width:5px !important;?\">a", body)
    assert re.search(r'style="width:9px;?">b', body)


def test_what_beats_nothing_does_not_overrule_an_important_rule() -> None:
    css = f"td {{ width: 48px }} {SMALL} {{ .a {{ width: 16px !important }} .a.b {{ width: 0 }} }}"
    block, _, _ = inline(css, '<table><tr><td class="a b" style="width:20px">x</td></tr></table>')
    assert ".a.b{width:0}" in block


def test_what_cannot_be_kept_apart_is_said() -> None:
    css = (
        f".x {{ margin: 1px }} p {{ margin: 2px }} {SMALL} {{ p {{ margin: 4px }} }}"
        "@media (max-width: 400px) { .x.y { margin: 5px } }"
    )
    _, _, findings = inline(css, '<p class="x y">a</p><p>b</p>')
    assert [one.code for one in findings] == ["css_differs"]
    assert "margin of “p” in @media (max-width:600px)" in findings[0].sentence.replace(": ", ":")


def test_a_page_of_more_rules_than_can_be_compared_is_inlined_all_the_same() -> None:
    crowd = "".join(f".a{number} {{ color: red }} .a{number}:hover {{ color: blue }}" for number in range(1_100))
    block, body, findings = inline(f"{crowd} p {{ margin: 1px }} {SMALL} {{ p {{ margin: 2px }} }}", "<p>a</p>")
    assert [one.code for one in findings] == ["css_differs"]
    assert "margin:2px !important" in block
    assert "margin:1px" in body


@pytest.mark.parametrize(
    ("one", "other", "do"),
    [
        ("margin", "margin-top", True),
        ("margin-left", "margin-top", False),
        ("border-left", "border-color", True),
        ("border-left-color", "border-width", False),
        ("border-top-width", "border", True),
        ("border", "border-collapse", False),
        ("font", "line-height", True),
        ("background-color", "background", True),
    ],
)
def test_properties_that_overrule_one_another(one: str, other: str, do: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is do
