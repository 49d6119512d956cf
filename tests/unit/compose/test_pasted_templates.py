"""Templates as people paste them. What is expected of MJML is what the MJML compiler 4.18.0 makes of the same lines."""

import re

import pytest
from laying_out import MARKS, NOWHERE, codes, laid_out, mail, shown

from campaigns.compose.inline import inlined
from campaigns.compose.layout import lay_out
from campaigns.errors import TemplateError


def mjml(column: str, attributes: str = "", *, head: str = "", section: str = "") -> str:
    head = f"<mj-head><mj-attributes>{attributes}</mj-attributes>{head}</mj-head>"
    return f"<mjml>{head}<mj-body><mj-section {section}><mj-column>{column}</mj-column></mj-section></mj-body></mjml>"


def html(kind: str, body: str) -> str:
    return shown(laid_out(kind, body).shape.html)


def style(page: str, words: str) -> str:
    """The style attribute of the tag right before these words."""
    return re.findall(r'style="([^"]*)"[^<>]*>\s*' + re.escape(words), page)[0].replace(": ", ":")


# --- MJML: what <mj-attributes> gives


def test_of_two_classes_the_last_counts():
    both = '<mj-class name="big" font-size="30px" color="blue"/><mj-class name="red" color="red"/>'
    said = style(html("mjml", mjml('<mj-text mj-class="big red">words</mj-text>', both)), "words")
    assert "color:red" in said
    assert "font-size:30px" in said


def test_the_tags_own_attribute_counts_more_than_its_class_and_a_class_more_than_the_kind_of_tag():
    given = (
        '<mj-text color="green" font-size="9px" font-style="italic"/><mj-class name="c" color="red" font-size="8px"/>'
    )
    said = style(html("mjml", mjml('<mj-text mj-class="c" color="blue">words</mj-text>', given)), "words")
    assert {"color:blue", "font-size:8px", "font-style:italic"} <= set(said.split(";"))


def test_a_class_says_what_tags_inside_look_like():
    inside = '<mj-class name="c"><mj-text color="red"/></mj-class>'
    assert "color:red" in style(html("mjml", mjml("<mj-text>words</mj-text>", inside, section='mj-class="c"')), "words")


def test_css_classes_of_several_classes_add_up():
    two = '<mj-class name="a" css-class="one"/><mj-class name="b" css-class="two"/>'
    assert 'class="one two"' in html("mjml", mjml('<mj-text mj-class="a b">words</mj-text>', two))


def test_what_mrml_alone_does_not_give():
    given = '<mj-body background-color="#abcdef"/><mj-social-element color="#ff0000"/><mj-accordion-element icon-width="24px"/>'
    column = (
        '<mj-social><mj-social-element name="facebook" href="https://x.example/">words</mj-social-element></mj-social>'
        "<mj-accordion><mj-accordion-element><mj-accordion-title>a</mj-accordion-title></mj-accordion-element></mj-accordion>"
    )
    page = html("mjml", mjml(column, given))
    assert "background-color:#abcdef" in page.replace(": ", ":")
    assert "color:#ff0000" in style(page, "words")
    assert "width:24px" in page.replace(": ", ":")


# --- MJML: values that mrml reads otherwise


@pytest.mark.parametrize(("width", "pixels"), [("200", "200"), ("50%", "50"), ("200px", "200")])
def test_a_pictures_width_is_in_pixels(width, pixels):
    page = html("mjml", mjml(f'<mj-image src="https://x.example/a.png" alt="a" width="{width}"/>'))
    assert f'width="{pixels}"' in page


@pytest.mark.parametrize("alt", ["a\\b", "\U0001f469\u200d\U0001f680 off", "e\u0301", "名"])
def test_attributes_arrive_letter_by_letter(alt):
    page = html("mjml", mjml(f'<mj-image src="https://x.example/a.png" alt="{alt}"/>'))
    assert f'alt="{alt}"' in page


def test_a_line_break_in_an_attribute_is_a_blank():
    assert 'alt="two lines"' in html("mjml", mjml('<mj-image src="https://x.example/a.png" alt="two\nlines"/>'))


def test_signs_beside_words_are_decoration():
    page = html(
        "mjml",
        mjml(
            '<mj-social><mj-social-element name="facebook" href="https://x.example/">F</mj-social-element></mj-social>'
        ),
    )
    assert re.search(r'<img[^>]* alt=""', page)


def test_an_accordions_fonts_come_from_its_tags_and_not_from_the_head():
    given = '<mj-all font-family="Lucida"/><mj-accordion-title font-family="Impact"/>'
    title = "<mj-accordion-element{}><mj-accordion-title{}>{}</mj-accordion-title></mj-accordion-element>"
    own, around = ' font-family="Times"', ' font-family="Georgia"'
    column = f'<mj-accordion font-family="Courier">{title.format("", "", "a")}{title.format(around, "", "b")}'
    page = html("mjml", mjml(f"{column}{title.format(around, own, 'c')}</mj-accordion>", given))
    fonts = [re.findall("font-family:(\\w+)", style(page, word))[0] for word in "abc"]
    assert fonts == ["Lucida", "Georgia", "Times"]


@pytest.mark.parametrize(
    ("width", "inner", "made"),
    [
        ("200", "20", "160px"),
        ("200", "5px 20 5px 15px", "165px"),
        ("200", "20px", "160px"),
        ("200px", "0 30px", "140px"),
    ],
)
def test_a_buttons_width_is_less_its_inner_padding_with_a_unit_or_not(width, inner, made):
    page = html(
        "mjml", mjml(f'<mj-button href="https://x.example/" width="{width}" inner-padding="{inner}">words</mj-button>')
    )
    assert f"width:{made}" in style(page, "words")


def test_a_bare_zero_leaves_the_other_paddings_as_they_are():
    column = '<mj-image src="https://x.example/a.png" alt="a" padding="0 25px"/>'
    assert 'width="550"' in html("mjml", mjml(column))
    for_all = html("mjml", mjml('<mj-image src="https://x.example/a.png" alt="a"/>', '<mj-all padding="0 25px"/>'))
    assert 'width="450"' in for_all  # section, column and picture have it


def test_columns_of_a_group_share_whole_percents_on_a_telephone():
    group = f"<mj-group>{'<mj-column><mj-text>a</mj-text></mj-column>' * 3}</mj-group>"
    page = html("mjml", f"<mjml><mj-body><mj-section>{group}</mj-section></mj-body></mjml>")
    assert re.findall(r"width: ?(33[^;\"]*)", page.partition("<body")[2]) == ["33%"] * 3


def test_of_an_attribute_written_twice_the_first_counts():
    said = style(html("mjml", mjml('<mj-text font-size="12px" color="red" font-size="14px">words</mj-text>')), "words")
    assert "font-size:12px" in said
    assert "14px" not in said


def test_a_spacer_between_sections_and_remarks_anywhere_are_laid_out():
    spacer = mjml("<mj-text>x</mj-text>").replace("<mj-body>", '<mj-body><mj-spacer height="21px"/>')
    assert "height:21px" in html("mjml", spacer)
    remark = (
        '<mj-social><mj-raw><!-- us --></mj-raw><mj-social-element name="x" href="https://x.example/"/></mj-social>'
    )
    assert html("mjml", mjml(remark))


def test_a_carousel_can_be_turned():
    pictures = "".join(f'<mj-carousel-image src="https://x.example/{n}.png" alt="{n}"/>' for n in (1, 2))
    page = html("mjml", mjml(f"<mj-carousel>{pictures}</mj-carousel>"))
    assert not re.search(r'style="[^"]*!important', page)  # no :checked could show the next picture
    assert "@media screen yahoo" in page


# --- MJML: what is said, and what is not


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ('<mj-image src="https://x.example/a.png" alt="a" border-top="1px solid red"/>', "border-top"),
        ('<mj-table cellspacing="9"><tr><td>x</td></tr></mj-table>', "cellspacing"),
        ('<mj-image src="https://x.example/a.png" alt="a" padding="20"/>', "padding"),
        ('<mj-image src="https://x.example/a.png" alt="a" padding="0 20 0 0"/>', "padding"),
        ('<mj-social icon-position="right"></mj-social>', "icon-position"),
        ('<mj-button width="200px" inner-padding="10px 20">x</mj-button>', "inner-padding"),
        ('<mj-button border="1px dashed solid">x</mj-button>', "border"),
    ],
)
def test_what_looks_otherwise_is_said_at_its_tag(column, words):
    found = [one for one in laid_out("mjml", mjml(column)).findings if one.code == "mjml_differs"]
    assert [f'{words}="' in one.sentence for one in found] == [True]
    assert found[0].remedy
    assert found[0].words == re.match(r"<[^>]*>", column)[0]


def test_it_is_said_of_what_the_head_gives_too():
    result = laid_out("mjml", mjml("<mj-table><tr><td>x</td></tr></mj-table>", '<mj-table cellspacing="9"/>'))
    assert codes(result) == ["mjml_differs"]


@pytest.mark.parametrize(
    "column",
    [
        '<mj-image src="https://x.example/a.png" alt="a" padding="20px" padding-top="20" border="1px solid red"/>',
        '<mj-text padding="20">x</mj-text><mj-table cellspacing="0"><tr><td>x</td></tr></mj-table>',
        '<mj-image src="https://x.example/a.png" alt="a" padding="0" width="200" nonsense="1"/>',
        '<mj-button href="https://x.example/" width="200" inner-padding="20">x</mj-button>',
        '<mj-button href="https://x.example/" width="200px" inner-padding="0 20px" border="1px solid red">x</mj-button>',
        "<mj-spacer height='30'/><mj-divider width='200' border-width='1'/>",
    ],
)
def test_nothing_is_said_of_what_looks_the_same(column):
    assert codes(laid_out("mjml", mjml(column))) == []


def test_attributes_for_html_are_left_out_and_said():
    head = '<mj-html-attributes><mj-selector path=".a td"><mj-html-attribute name="data-x">1</mj-html-attribute></mj-selector></mj-html-attributes>'
    result = laid_out("mjml", mjml('<mj-text css-class="a">words</mj-text>', head=head))
    assert codes(result) == ["mjml_differs"]
    assert "words" in shown(result.shape.html)


def test_a_font_that_the_compiler_would_fetch_from_google_is_said_once():
    text = '<mj-text font-family="Roboto, Arial">x</mj-text>'
    assert codes(laid_out("mjml", mjml(text * 2))) == ["font_not_loaded"]
    font = '<mj-font name="Roboto" href="https://fonts.mergecast-fair.org/r.css"/>'
    assert "font_not_loaded" not in codes(laid_out("mjml", mjml(text, head=font)))


@pytest.mark.parametrize("tag", ["mj-container", "mj-list", "mj-inline-links"])
def test_tags_of_mjml_3_are_called_so(tag):
    with pytest.raises(TemplateError, match="is a tag of MJML 3") as caught:
        lay_out(mail("mjml", mjml(f"<{tag}></{tag}>")), MARKS, NOWHERE)
    assert caught.value.remedy


# --- HTML: styles are as strong as before


def page(css: str, body: str) -> str:
    return inlined(f"<!DOCTYPE html><html><head><style>{css}</style></head><body>{body}</body></html>")[0]


def test_what_hides_on_a_desk_shows_on_a_telephone():
    css = ".m{display:none !important} @media (max-width:480px){.m{display:block !important}}"
    made = page(css, '<div class="m">x</div>')
    assert 'style="display: none;"' in made
    assert "display:block !important" in made


def test_rules_that_stay_overrule_those_that_were_inlined():
    css = ".c{width:50%;color:red} .c:hover{color:blue} @media (max-width:480px){.c{width:100%;top:0}}"
    made = page(css, '<p class="c">x</p>')
    assert "width:100% !important;top:0}" in made
    assert re.search(r"\.c:hover *{ *color: *blue *!important", made)


def test_fonts_keyframes_and_comments_stay_as_they_are():
    css = (
        "p{color:red;font-family:X} @font-face{font-family:X;src:url(data:x;y)} @keyframes k{from{color:red}to{color:blue}}"
        " @media print{/* p{color:red;} */p{color:black;content:'};'}}"
    )
    made = page(css, "<p>x</p>")
    assert "@font-face{font-family:X;src:url(data:x;y)}" in made
    assert "@keyframes k{from{color:red}to{color:blue}}" in made
    assert "/* p{color:red;} */p{color:black !important;content:'};'}" in made


def test_the_authors_own_style_attributes_keep_their_strength():
    made = page(
        "p{color:red}",
        "<p style='margin:0 !important'>x</p><!--[if mso]><b style=\"top:0 !important\"></b><![endif]-->",
    )
    assert re.search(r'style="[^"]*margin: ?0 !important', made)
    assert "top:0 !important" in made


def test_styles_for_outlook_alone_are_not_touched():
    mso = "<!--[if mso]><style>.c{color:blue}</style><![endif]-->"
    assert mso in page(".c{color:red}", f'{mso}<p class="c">x</p>')


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
        "<!doctype html>",
    ],
)
def test_the_doctype_stays(doctype):
    assert html("html", f"{doctype}<html><body><p>x</p></body></html>").startswith(doctype)


@pytest.mark.parametrize(
    "css", ["p{color:red} }}} @media {", "p{color:red", "a[href^='x' {color:red}", "<!-- p{color:red} -->"]
)
def test_bad_css_ends_no_mail(css):
    assert "words" in html("html", f"<html><head><style>{css}</style></head><body><p>words</p></body></html>")


@pytest.mark.parametrize("css", ["<style", "<style>a{", "<!--", 'p{a:"', "p{a:(", "/*", " style='", "<!doctype ", "}{"])
def test_css_without_an_end_takes_no_time(css):
    assert html("html", f"<p>x</p><style>{css * 20_000}</style>")


def test_an_important_rule_still_stands_against_a_less_specific_one_for_small_screens():
    page, _ = inlined(
        "<html><head><style>.x td { padding: 16px !important } td { color: red }\n"
        "@media (max-width: 600px) { td { padding: 0 !important; color: blue } }</style></head>"
        '<body class="x"><table><tr><td>a</td></tr></table></body></html>'
    )
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert style.startswith(".x td { padding: 16px !important }\n@media")  # its place and its strength as before
    assert "color: blue !important" in style
    assert "color: red;padding: 16px;" in page.partition("</style>")[2].replace("; ", ";")
