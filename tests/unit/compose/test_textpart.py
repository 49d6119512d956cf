import pytest
from laying_out import M, laid_out, message, shown

from campaigns.message import fill


def text(body: str, kind: str = "html", **more: object) -> str:
    return shown(laid_out(kind, body, **more).shape.text).rstrip("\n")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One\n  two   <b>three</b>four</p>", "One two threefour"),
        ("<p>a<br>b<br><br>c</p>", "a\nb\n\nc"),
        ("<h1>Title</h1>Words", "Title\n\nWords"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<p>1 &lt; 2 &amp;amp; 3&nbsp;&euro; caf&eacute;</p>", "1 < 2 &amp; 3 € café"),
        ("<p>a</p><hr><p>b</p>", "a\n\n" + "-" * 40 + "\n\nb"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"),
        ("<ol start=3><li>a</li><li><p>b</p><p>c</p></li></ol>", "3. a\n4. b\n\n   c"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ('<p><img src="https://x.example/a" alt="A  cat"> sits</p>', "A cat sits"),
        ('<p>x<img src="https://x.example/a" alt=""></p>', "x"),
        ("<p>soft\u00adhy\u200bphen\ufeff</p>", "softhyphen"),
        ("", ""),
        ("<title>t</title><style>p{}</style><script>s()</script><p>x</p><!-- c -->", "x"),
        ("<!--[if mso]><p>Outlook</p><![endif]--><!--[if !mso]><!--><p>others</p><!--<![endif]-->", "others"),
        ("<p>a</p>\n\n\n<p> </p>\n<p>b</p>", "a\n\nb"),
    ],
)
def test_html_reads_as_text(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<a href="https://x.example/a?b=1&amp;c=2">Shop</a> now', "Shop (https://x.example/a?b=1&c=2) now"),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="https://www.x.example">x.example</a>', "x.example"),
        ('<a href="mailto:ada@example.com">ada@example.com</a>', "ada@example.com"),
        ('<a href="mailto:ada@example.com">Ada</a>', "Ada (ada@example.com)"),
        ('<a href="https://x.example"><img src="https://x.example/i" alt="Shop"></a>', "Shop (https://x.example)"),
        ('<a href="https://x.example"><img src="https://x.example/i" alt=""></a>', "https://x.example"),
        ('<a href="#top">Up</a> <a name="x">here</a>', "Up here"),
        ('a<a href="https://x.example"> b </a>c', "a b (https://x.example) c"),
        ('<a href="https://x.example"><div>Card</div></a>end', "Card (https://x.example)\nend"),
    ],
)
def test_links_show_where_they_lead(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<table><tr><th>Item</th><th>Sum</th></tr><tr><td>Tea</td><td></td></tr></table>", "Item | Sum\nTea |"),
        ("<table><tr><td>Tea</td><td>1.50</td></tr><tr><td>Milk</td><td>2</td></tr></table>", "Tea | 1.50\nMilk | 2"),
        ("<table role=presentation><tr><td>Left</td><td>Right</td></tr></table>", "Left\n\nRight"),
        ("<table><tr><td>Dear Ada,</td></tr><tr><td>words</td></tr></table>", "Dear Ada,\n\nwords"),
        ("<table><tr><td><p>a</p><p>b</p></td><td>c</td></tr></table>", "a\n\nb\n\nc"),
        ("<table><tr><td>&nbsp;</td></tr><tr><td><table><tr><td>x</td></tr></table></td></tr></table>", "x"),
    ],
)
def test_tables_of_data_are_rows_and_tables_of_layout_are_none(body, expected):
    assert text(body) == expected


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">no</div>',
        '<div style="color:red; display: none !important">no<p>no</p></div>',
        '<div style="max-height:0;overflow:hidden">no</div>',
        '<span style="visibility: hidden">no</span>',
        "<p hidden>no</p>",
    ],
)
def test_what_is_hidden_is_left_out(hidden):
    assert text(f"<p>a</p>{hidden}<p>b</p>") == "a\n\nb"


@pytest.mark.parametrize("style", ["max-height:0.5em", "text-decoration:none", "overflow:hidden", "mso-hide:all"])
def test_what_only_looks_hidden_stays(style):
    assert text(f'<p style="{style}">a</p>') == "a"


def test_css_that_hides_by_a_class_hides_in_text_too():
    assert text('<style>.x { display: none }</style><p class="x">no</p><p>yes</p>') == "yes"


def test_the_preheader_is_no_part_of_the_text():
    result = laid_out("html", "<p>Body</p>", preheader=f"Look, {M[0]}")
    assert shown(result.shape.text) == "Body\n"


def test_marks_in_text_and_links_become_plain_holes():
    body = f'<p>Dear {M[0]}, <a href="{M[1]}">pay</a> <a href="https://x.example/{M[2]}">{M[2]}</a></p>'
    expected = "Dear «0 PLAIN», pay («1 PLAIN_URL») «2 PLAIN» (https://x.example/«2 PLAIN_URL_PART»)"
    assert text(body) == expected


def test_a_link_that_is_its_own_text_is_said_once():
    assert text(f'<a href="{M[0]}">{M[0]}</a>') == "«0 PLAIN»"
    assert text(f'<a href="mailto:{M[0]}">{M[0]}</a>') == "«0 PLAIN»"


def test_a_heading_keeps_its_case_and_so_its_mark():
    assert text(f"<h1>Hello {M[0]}</h1>") == "Hello «0 PLAIN»"


def test_the_alt_text_of_a_picture_may_hold_a_mark():
    assert text(f'<img src="https://x.example/a" alt="for {M[0]}">') == "for «0 PLAIN»"


def test_markdown_reads_well_as_text():
    body = f"# Dear {M[0]}\n\nYou owe **{M[1]}**:\n\n| Item | Sum |\n|---|--:|\n| Tea | {M[2]} |\n\n- [pay](https://x.example)\n"
    assert text(body, "md") == (
        "Dear «0 PLAIN»\n\nYou owe «1 PLAIN»:\n\nItem | Sum\nTea | «2 PLAIN»\n\n- pay (https://x.example)"
    )


def test_mjml_layout_tables_make_no_noise():
    column = (
        "<mj-column><mj-text>One</mj-text><mj-spacer /><mj-text>Two</mj-text><mj-divider />"
        '<mj-button href="https://x.example">Go</mj-button></mj-column>'
    )
    body = f"<mjml><mj-head><mj-preview>no</mj-preview></mj-head><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
    assert text(body, "mjml") == "One\n\nTwo\n\nGo (https://x.example)"


def test_the_text_of_a_text_template_is_its_body():
    assert shown(laid_out("txt", f"Dear {M[0]},\r\n  *hi* <b>\n").shape.text) == "Dear «0 PLAIN»,\n  *hi* <b>\n"


def test_the_filled_text_is_what_was_meant():
    shape = laid_out("html", f'<p>Hi {M[0]}: <a href="https://x.example/?q={M[0]}">go</a></p>').shape
    assert fill.text(message(shape, ("A & B",))) == "Hi A & B: go (https://x.example/?q=A%20%26%20B)\n"


def test_unbalanced_html_that_could_not_be_inlined_still_reads():
    body = "<style>" + "p{" * 30 + "</style></b></td><p>a<ul><li>b<li>c</ul></p></table><a href='https://x.example'>d"
    assert "a\n\n- b\n- c\n\nd (https://x.example)" in text(body)
