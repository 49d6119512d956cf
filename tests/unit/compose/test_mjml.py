import pytest
from laying_out import MARKS, M, balanced, codes, laid_out, needed, shown

from campaigns.compose.layout import lay_out
from campaigns.errors import TemplateError


def in_column(content: str) -> str:
    return f"<mjml>\n<mj-body><mj-section><mj-column>\n{content}\n</mj-column></mj-section></mj-body></mjml>"


def mistake(body: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        laid_out("mjml", body)
    return caught.value


@pytest.mark.parametrize(
    ("content", "sentence", "line"),
    [
        ("<mj-txet>x</mj-txet>", "There is no tag <mj-txet>", 3),
        ("<MJ-TEXT>x</MJ-TEXT>", "There is no tag <MJ-TEXT>", 3),
        ("<mj-text>\nx", "stands where <mj-text> of line 3 is still open", 5),
        ("<mj-text>\n<b>x\n</mj-text>", "<b> is not closed", 4),
        ("<mj-text>\n\nx</div></mj-text>", "</div> closes nothing", 5),
        ("<mj-section></mj-section>", "<mj-section> cannot stand directly in <mj-column>", 3),
        ("words", "Text stands directly in <mj-column>", 3),
        ("\n<div>x</div>", "<div> stands directly in <mj-column>", 4),
        ('<mj-image src="https://x.example/a.png">', "stands where <mj-image> of line 3 is still open", 4),
        ("<mj-image src=a.png />", "The value of src in <mj-image> has no quotes", 3),
        ('<mj-include path="/etc/passwd" />', "mj-include is not read", 3),
        ("<!--[if mso]><p><![endif]-->", "cannot stand between MJML tags", 3),
        ("</mj-text>", "</mj-text> stands where <mj-column> of line 2 is still open", 3),
    ],
)
def test_a_mistake_is_named_with_its_line(content, sentence, line):
    error = mistake(in_column(content))
    assert sentence in error.sentence
    assert error.where.line == line
    assert error.source_line == in_column(content).split("\n")[line - 1]
    assert error.remedy


def test_a_mistyped_tag_gets_a_did_you_mean():
    assert mistake(in_column("<mj-buton>x</mj-buton>")).remedy == "Did you mean <mj-button>?"


@pytest.mark.parametrize("body", ["", "hello", "<p>x</p>", "<mjml>", "</mjml>", "<mjml></mjml><mjml></mjml>"])
def test_what_is_no_mjml_is_refused(body):
    assert mistake(body).remedy


def test_an_entity_declaration_is_refused():
    bomb = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]>' + in_column("<mj-text>&d;</mj-text>")
    assert "cannot stand between" in mistake(bomb).sentence


def test_an_xml_prologue_and_a_plain_doctype_are_fine():
    assert laid_out("mjml", '<?xml version="1.0"?>\n<!DOCTYPE mjml>\n' + in_column("<mj-text>x</mj-text>"))


def test_html_that_mrml_itself_refuses_is_laid_out():
    content = "<mj-text>1 < 2 <br> <img src=https://x.example/a.png alt=x> &nbsp;<ul><li>a<li>b</ul></mj-text>"
    html = shown(laid_out("mjml", in_column(content)).shape.html)
    assert "1 &lt; 2 <br>" in html
    assert balanced(html)


def test_inline_styles_are_not_lost():
    head = '<mj-head><mj-style inline="inline">.big b { letter-spacing: 3px }</mj-style></mj-head>'
    body = in_column('<mj-text css-class="big"><b>x</b></mj-text>').replace("<mj-body>", head + "<mj-body>")
    assert '<b style="letter-spacing: 3px;">' in shown(laid_out("mjml", body).shape.html)


def test_rules_that_cannot_be_inlined_stay():
    head = "<mj-head><mj-style>a:hover { color: red } @media print { a { color: blue } }</mj-style></mj-head>"
    html = shown(
        laid_out("mjml", in_column("<mj-text>x</mj-text>").replace("<mj-body>", head + "<mj-body>")).shape.html
    )
    assert "a:hover" in html
    assert "@media print" in html


def test_fonts_of_others_servers_are_not_linked_unasked():
    body = in_column('<mj-text font-family="Raleway">x</mj-text>')
    assert "fonts.g" not in shown(laid_out("mjml", body).shape.html)


def test_a_title_with_quotes_does_not_end_an_attribute():
    body = in_column("<mj-text>x</mj-text>").replace(
        "<mj-body>", f'<mj-head><mj-title>"a" onload="b" {M[3]}</mj-title></mj-head><mj-body>'
    )
    html = shown(laid_out("mjml", body).shape.html)
    assert 'aria-label="&quot;a&quot; onload=&quot;b&quot; «3 HTML»"' in html


def test_remarks_of_the_author_do_not_leave_the_house():
    body = in_column(f"<!-- to do {M[0]} --><mj-text>x<!-- ask Bob --></mj-text><!-- > -->")
    html = shown(laid_out("mjml", body).shape.html)
    assert "to do" not in html
    assert "Bob" not in html
    assert needed("mjml", body) == frozenset()


def test_a_comment_does_not_move_the_line_of_a_mistake():
    assert mistake(in_column("<!-- a\nb\nc -->\n<mj-oops/>")).where.line == 6


def test_conditional_comments_in_raw_parts_stay_as_they_are():
    body = in_column("<mj-raw><!--[if mso]><table><tr><td><![endif]--></mj-raw><mj-text>x</mj-text>")
    assert "<!--[if mso]><table><tr><td><![endif]-->" in shown(laid_out("mjml", body).shape.html)


@pytest.mark.parametrize(
    "content",
    [f'<mj-image width="{M[1]}" src="https://x.example/a.png" />', f'<mj-text mj-class="{M[1]}">x</mj-text>',
     f'<mj-text css-class="{M[1]}">x</mj-text>', f'<mj-text><p class="{M[1]}">x</p></mj-text>'],
)  # fmt: skip
def test_a_value_that_decides_the_layout_must_stand_there_itself(content):
    assert needed("mjml", in_column(content)) == {1}


def test_a_width_written_with_entities_is_a_width():
    plain = shown(
        laid_out("mjml", in_column("<mj-text>x</mj-text>").replace("<mj-column", '<mj-column width="50%"')).shape.html
    )
    body = in_column("<mj-text>x</mj-text>").replace("<mj-column", '<mj-column width="50&#37;"')
    assert shown(laid_out("mjml", body).shape.html) == plain


def test_marks_that_layout_repeats_become_holes_of_one_slot():
    background = f'<mj-wrapper background-url="https://x.example/{M[2]}.png">'
    body = f"<mjml><mj-body>{background}<mj-section></mj-section></mj-wrapper></mj-body></mjml>"
    html = shown(laid_out("mjml", body).shape.html)
    assert html.count("«2 HTML_URL_PART»") > 2
    assert MARKS.nonce not in html


def test_a_colour_from_the_sheet_is_stopped():
    assert codes(laid_out("mjml", in_column(f'<mj-text color="{M[0]}">x</mj-text>'))) == ["hole_in_code"]


def test_defaults_for_tags_may_stand_in_mj_attributes():
    head = '<mj-head><mj-attributes><mj-text color="#123456" /><mj-section padding="0"></mj-section></mj-attributes></mj-head>'
    html = shown(
        laid_out("mjml", in_column("<mj-text>x</mj-text>").replace("<mj-body>", head + "<mj-body>")).shape.html
    )
    assert "#123456" in html


def test_a_frame_with_a_mistake_is_named_too():
    from laying_out import NOWHERE, mail

    from campaigns.compose.marked import TemplateKind

    with pytest.raises(TemplateError, match="no tag <mj-sektion>"):
        lay_out(
            mail("md", "x", frame="<mjml><mj-body>\n<mj-sektion/></mj-body></mjml>", frame_kind=TemplateKind.MJML),
            MARKS,
            NOWHERE,
        )
