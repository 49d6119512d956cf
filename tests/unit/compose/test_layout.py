import pytest
from hypothesis import given
from hypothesis import strategies as st
from laying_out import MARKS, NOWHERE, M, codes, laid_out, mail, message, shown, tree

from campaigns.compose import inline
from campaigns.compose.layout import lay_out
from campaigns.compose.marked import TemplateKind
from campaigns.errors import TemplateError
from campaigns.message import fill


def page(body: str, **more: object) -> str:
    return shown(laid_out("html", body, **more).shape.html)


@pytest.mark.parametrize(
    "body", ["<p>x", "x", "<html><p>x</html>", "<body>x", "<!DOCTYPE html><html><head></head><body>x</body></html>"]
)
def test_every_page_is_whole_and_says_it_is_utf_8(body):
    html = page(body)
    assert html.lower().startswith("<!doctype html>")
    opened = [seen[1] for seen in tree(html) if seen[0] == "open"]
    assert opened[:3] == ["html", "head", "meta"]
    assert opened.count("html") == opened.count("body") == 1
    assert ("open", "meta", (("charset", "utf-8"),)) in tree(html)


def test_another_charset_in_the_page_is_set_right():
    assert "windows-1252" not in page('<html><head><meta charset="windows-1252"></head><body>x</body></html>')
    old = '<html><head><meta http-equiv=Content-Type content="text/html; charset=windows-1252"></head><body>x</body></html>'
    assert 'content="text/html; charset=utf-8"' in page(old)


def test_css_is_inlined_and_what_cannot_be_stays():
    html = page("<style>p { color: red } p:hover { color: blue } @media print { p { color: black } }</style><p>x</p>")
    assert '<p style="color: red;">' in html
    assert "p:hover" in html
    assert "@media print" in html


def test_where_the_inliner_fails_the_style_block_stays_and_is_warned_of(monkeypatch):
    class Broken:
        def inline(self, html: str) -> str:
            raise ValueError(html)

    monkeypatch.setattr(inline, "_INLINER", Broken())
    result = laid_out("html", f"<style>p {{ color: red }}</style><p>{M[0]}</p>", preheader="Look")
    assert codes(result) == ["not_inlined"]
    assert result.findings[0].severity == "warns"
    assert "<style>p { color: red }</style><p>«0 HTML»</p>" in shown(result.shape.html)
    assert "Look" in shown(result.shape.html)


def test_css_without_measure_is_not_inlined_at_all():
    body = "<style>" + "p{color:red}" * 10_000 + "</style>" + "<p>x</p>" * 10_000
    assert codes(laid_out("html", body)) == ["not_inlined"]


def test_the_preheader_comes_first_in_the_body_and_is_escaped():
    html = page("<p>Body</p>", preheader=f"Tom & {M[0]}")
    inside = html.partition("<body>")[2]
    assert inside.startswith('<div style="display:none')
    assert "Tom &amp; «0 HTML»&#847;" in inside
    assert inside.index("</div>") < inside.index("Body")


def test_without_a_preheader_nothing_is_hidden():
    assert "display:none" not in page("<p>x</p>")


def test_the_subject_has_plain_holes_and_single_blanks():
    assert shown(laid_out("txt", "x", subject=f"  A &\n {M[0]}\t! ").shape.subject) == "A & «0 PLAIN» !"


@pytest.mark.parametrize("subject", ["", "  \n"])
def test_an_empty_subject_stops(subject):
    (finding,) = laid_out("txt", "x", subject=subject).findings
    assert (finding.code, finding.severity) == ("empty_subject", "stops")


def test_a_text_template_has_no_html():
    assert laid_out("txt", "x", preheader="y").shape.html is None


def test_markdown_is_set_into_its_frame():
    result = laid_out(
        "md", f"*{M[1]}*", frame=f"<html><body><header>H</header>{MARKS.content}<p>F {M[0]}</p></body></html>"
    )
    assert "<header>H</header><p><em>«1 HTML»</em></p>" in shown(result.shape.html).replace("\n", "")
    assert shown(result.shape.text) == "H\n\n«1 PLAIN»\n\nF «0 PLAIN»\n"


def test_markdown_is_set_into_an_mjml_frame():
    frame = f"<mjml><mj-body><mj-section><mj-column><mj-text>{MARKS.content}</mj-text></mj-column></mj-section></mj-body></mjml>"
    result = laid_out("md", f"- {M[1]} <br> & <b>x</b>", frame=frame, frame_kind=TemplateKind.MJML)
    assert "<li>«1 HTML» <br> &amp; <b>x</b></li>" in shown(result.shape.html)


@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "<mj-section>{}</mj-section>",
        "<mj-section><mj-column>{}</mj-column></mj-section>",
        "<mj-hero>{}</mj-hero>",
    ],
)
def test_markdown_stands_wherever_an_mjml_layout_has_its_place(place: str):
    frame = f"<mjml><mj-body>{place.format(MARKS.content)}</mj-body></mjml>"
    result = laid_out("md", f"Dear {M[1]}", frame=frame, frame_kind=TemplateKind.MJML)
    assert ">Dear «1 HTML»</p>" in shown(result.shape.html)
    assert shown(result.shape.text).strip() == "Dear «1 PLAIN»"


def test_indented_markdown_is_no_code():
    assert "<pre>" not in shown(laid_out("md", "a\n\n    b\n").shape.html)


def test_a_raw_address_in_markdown_stays_text():
    assert "<a" not in shown(laid_out("md", "see https://x.example").shape.html)


def test_line_ends_are_all_alike():
    result = laid_out("html", "<p>a\r\nb\rc</p>\r\n<p title='&#13;'>x</p>")
    assert "\r" not in shown(result.shape.html) + shown(result.shape.text)


@pytest.mark.parametrize("body", ["a\0b", "a\ud800b", "x" * 1_000_001])
@pytest.mark.parametrize("kind", ["html", "mjml", "md", "txt"])
def test_what_no_tool_could_take_is_refused(kind, body):
    with pytest.raises(TemplateError) as caught:
        laid_out(kind, body)
    assert caught.value.remedy


@pytest.mark.parametrize("kind", ["html", "md"])
def test_nesting_beyond_256_is_refused(kind):
    assert laid_out(kind, "<div>" * 200 + "x" + "</div>" * 200)
    with pytest.raises(TemplateError, match="nested more than 256 deep"):
        laid_out(kind, "<div>" * 260 + "x" + "</div>" * 260)


def test_many_unclosed_paragraphs_are_not_nested():
    assert laid_out("html", "<p>x" * 1000 + "<ul>" + "<li>y" * 1000 + "</ul>")


def test_outlook_shows_what_is_revealed_to_others_rightly():
    assert "<!--[if !mso]><!--><p>x</p><!--<![endif]-->" in page("<div><![if !mso]><p>x</p><![endif]></div>")


def test_equal_mails_make_equal_shapes():
    given = mail("html", f"<style>p{{color:red}}</style><p>{M[0]}</p>")
    assert lay_out(given, MARKS, NOWHERE) == lay_out(given, MARKS, NOWHERE)


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20), min_size=3, max_size=3
    )
)
def test_a_value_can_never_make_a_tag(values):
    body = f'<p title="{M[0]}">{M[1]}</p><a href="{M[2]}">x</a><!--[if mso]><b>{M[0]}</b><![endif]-->'
    html = fill.html_body(message(laid_out("html", body).shape, tuple(values)))
    seen = tree(html)
    assert [s[1] for s in seen if s[0] == "open"] == ["html", "head", "meta", "body", "p", "a"]
    assert next(s for s in seen if s[:2] == ("open", "p"))[2] == (("title", values[0]),)
    assert next(s for s in seen if s[0] == "comment")[1][1][:2] == ("open", "b")
