import pytest
from laying_out import MARKS, M, codes, holes, laid_out, message, needed, shown, tree

from campaigns.compose.contexts import link_is_fit
from campaigns.message import fill
from campaigns.message.shape import UNSUBSCRIBE_URL, VIEW_URL, Escape, Hole


def escapes(body: str, **more: object) -> list[str]:
    return [hole.escape.name for hole in holes(laid_out("html", body, **more).shape.html)]


@pytest.mark.parametrize(
    ("body", "escape"),
    [
        (f"<p>{M[0]}</p>", "HTML"),
        (f"<title>{M[0]}</title>", "HTML"),
        (f'<p title="{M[0]}">x</p>', "HTML"),
        (f"<p title='a {M[0]} b'>x</p>", "HTML"),
        (f'<a href="{M[0]}">x</a>', "HTML_URL"),
        (f'<a href=" {M[0]}">x</a>', "HTML_URL"),
        (f'<a href="&#9;{M[0]}">x</a>', "HTML_URL"),
        (f'<a href="https://x.example/{M[0]}">x</a>', "HTML_URL_PART"),
        (f'<a href="mailto:{M[0]}">x</a>', "HTML_URL_PART"),
        (f'<a href="tel:{M[0]}">x</a>', "HTML_URL"),
        (f'<img alt="" src="{M[0]}">', "HTML_URL"),
        (f'<img alt="" src="https://x.example/{M[0]}.png">', "HTML_URL_PART"),
        (f'<table background="{M[0]}"></table>', "HTML_URL"),
        (f'<img alt="" src="https://x.example/a" srcset="https://x.example/b 2x, {M[0]} 3x">', "HTML_URL"),
        (f'<form action="{M[0]}"></form>', "HTML_URL"),
        (f'<!--[if mso]><a href="https://x.example/{M[0]}">x</a><![endif]-->', "HTML_URL_PART"),
        (f"<!--[if mso]><p>{M[0]}</p><![endif]-->", "HTML"),
        (f"<p style=\"background:url('https://x.example/?{M[0]}')\">x</p>", "HTML_URL_PART"),
    ],
)
def test_a_mark_is_escaped_as_its_place_demands(body, escape):
    assert [code for code in codes(laid_out("html", body)) if not code.startswith("unsupported")] == []
    assert escapes(body) == [escape]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f"<p title={M[0]}>x</p>", "title= without quotes"),
        (f"<a href={M[0]}>x</a>", "href= without quotes"),
        (f'<p style="color:{M[0]}">x</p>', "a style attribute"),
        (f'<p style="background:url({M[0]})">x</p>', "a style attribute"),
        (f"<style>p{{color:{M[0]}}}</style>", "<style>"),
        (f"<script>x('{M[0]}')</script>", "<script>"),
        (f'<p onclick="x({M[0]})">x</p>', "the script attribute onclick"),
        (f'<iframe srcdoc="{M[0]}"></iframe>', "the script attribute srcdoc"),
        (f"<{M[0]}>x", "the name of a tag"),
        (f"<p {M[0]}>x</p>", "the name of a tag or attribute"),
        (f'<p {M[0]}="x">x</p>', "the name of a tag or attribute"),
        (f"<!--[if {M[0]}]><p>x</p><![endif]-->", "a comment"),
        (f"<iframe>{M[0]}</iframe>", "<iframe>"),
        (f"<xmp>{M[0]}</xmp>", "<xmp>"),
        (f'<meta http-equiv="refresh" content="0;url={M[0]}">', "<meta http-equiv>"),
        (f"<!doctype {M[0]}><p>x</p>", "a comment"),
    ],
)
def test_a_mark_in_code_stops_the_campaign(body, place):
    findings = {finding.code: finding for finding in laid_out("html", body).findings}
    assert place in findings["hole_in_code"].sentence
    assert findings["hole_in_code"].severity == "stops"


def test_values_that_begin_a_link_are_named_for_the_check_of_each_row():
    body = f'<a href="{M[3]}">x</a><a href="https://x.example/{M[4]}">y</a><img alt="" src="{M[5]}">{M[6]}'
    assert laid_out("html", body).url_slots == {3, 5}


@pytest.mark.parametrize("ours", [UNSUBSCRIBE_URL, VIEW_URL])
def test_our_own_links_are_trusted_and_only_escaped(ours):
    result = laid_out("html", f'<a href="{M[0]}">x</a>', slots=(ours,))
    assert holes(result.shape.html) == [Hole(ours, Escape.HTML)]
    assert holes(result.shape.text) == [Hole(ours, Escape.PLAIN)]
    assert result.url_slots == frozenset()


def test_a_value_that_went_through_urlencode_is_not_encoded_twice():
    result = laid_out("html", f'<a href="https://x.example/?q={M[0]}">x</a>', encoded=frozenset([0]))
    assert holes(result.shape.html) == [Hole(0, Escape.HTML)]
    assert holes(result.shape.text) == [Hole(0, Escape.PLAIN)]


def test_the_href_of_the_filled_mail_is_the_link_with_its_value_encoded():
    shape = laid_out("html", f'<a href="https://x.example/?q={M[0]}&amp;r=1">x</a>').shape
    opened = next(seen for seen in tree(fill.html_body(message(shape, ('a&b="c"',)))) if seen[:2] == ("open", "a"))
    assert opened[2] == (("href", "https://x.example/?q=a%26b%3D%22c%22&r=1"),)


def test_a_class_from_the_sheet_must_stand_there_itself():
    assert needed("html", f'<style>.gold {{ color: red }}</style><p class="{M[1]}">x</p>') == {1}


def test_a_mark_in_an_authors_comment_is_nobodys_business():
    body = f"<p>x</p><!-- {M[1]} -->"
    assert needed("html", body) == frozenset()
    assert holes(laid_out("html", body).shape.html) == []


def test_a_mark_that_the_parser_drops_needs_its_value():
    assert needed("html", f'<p title="a" title="{M[1]}">x</p>') == {1}


@pytest.mark.parametrize(
    ("value", "fit"),
    [
        ("https://x.example/a b", True),
        ("HTTP://x.example", True),
        ("mailto:ada@example.com", True),
        ("tel:+49 30 1", True),
        (" https://x.example", True),
        ("javascript:alert(1)", False),
        ("java\tscript:alert(1)", False),
        ("data:text/html,x", False),
        ("//x.example", False),
        ("www.x.example", False),
        ("https://", False),
        ("", False),
        ("file:///etc/passwd", False),
    ],
)
def test_links_are_http_mail_or_telephone(value, fit):
    assert link_is_fit(value) is fit


def test_a_hole_keeps_its_slot_not_its_number():
    assert holes(laid_out("html", f"<p>{M[2]}</p>", slots=(0, 0, 9)).shape.html) == [Hole(9, Escape.HTML)]


def test_no_mark_is_left_in_a_shape():
    shape = laid_out("html", f"<p title='{M[0]}'>{M[1]}<a href='{M[2]}'>{M[2]}</a></p>", preheader=M[3]).shape
    assert MARKS.nonce not in shown(shape.html) + shown(shape.text)
