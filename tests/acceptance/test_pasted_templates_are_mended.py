"""A template from another program's gallery is pasted into the workspace, and `check` says what to change until it is fit."""

import email
import email.policy
import re
from email.message import EmailMessage

import pytest

from tests.doubles.command_line import CommandLine

FRONT = "---\nsubject: Your receipt\npreheader: What you bought, and where to ask\nkind: transactional\n---\n"
# In the manner of Postmark's: XHTML, a page of CSS, a button for Outlook, lists by {{#each}}, placeholders in brackets.
RECEIPT = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html><head><title></title><style type="text/css" rel="stylesheet" media="all">
/* Base ---- */
body { width: 100% !important; margin: 0; }
.sheet { width: 570px; color: #333; -premailer-width: 570px; }
.desk-only { display: block !important; }
@media only screen and (max-width: 600px) { .sheet { width: 100% } .desk-only { display: none !important; } }
</style><!--[if mso]><style>.sheet { width: 560px }</style><![endif]--></head><body>
<table class="sheet" cellpadding="0"><tr><td>
<h1>Hi {{first_name}},</h1>
<p class="desk-only">Thanks for using [Product Name].</p>
{{#each receipt_details}}
<p>{{description}}: {{amount}}</p>
{{/each}}
{{#if amount}}<p>Total {{{ amount }}}</p>{{/if}}
<p>Dear *|FNAME|*</p>
</td></tr></table></body></html>
"""
# In the manner of the MJML project's gallery: classes over classes, a spacer in the body, numbers without a unit.
OFFER = """<mjml>
<mj-head>
  <mj-title>Autumn</mj-title>
  <mj-attributes>
    <!-- for all -->
    <mj-all font-family="Georgia, serif" />
    <mj-body background-color="#f4f4f4" />
    <mj-class name="big" font-size="30px" color="#0000aa" /><mj-class name="loud" color="#aa0000" />
  </mj-attributes>
  <mj-style inline="inline">p.fine { color: #555 }</mj-style>
</mj-head>
<mj-body>
  <mj-raw><!-- Header --></mj-raw>
  <mj-section padding-top="20"><mj-column>
    <mj-text mj-class="big loud">Hello {{ first_name }}</mj-text>
    <mj-text><p class="fine">Now&nbsp;or never, [[FirstName]]</p></mj-text>
    <mj-image src="https://pics.mergecast-fair.org/a.png" alt="Apples
      and pears" width="200" padding="20" />
  </mj-column></mj-section>
  <mj-spacer height="17px"></mj-spacer>
  <mj-wrapper gap="20px"><mj-section><mj-column><mj-text>end</mj-text></mj-column></mj-section></mj-wrapper>
</mj-body>
</mjml>
"""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    terminal = CommandLine(tmp_path_factory.mktemp("pasted"))
    terminal.run("init")
    people = "email,first_name,amount,description\nada@example.org,Ada,10,Pears\n"
    (terminal.folder / "people.csv").write_text(people, encoding="utf-8")
    terminal.run("import", "people.csv", "--list", "people")
    return terminal


def paste(terminal: CommandLine, name: str, text: str) -> None:
    (terminal.folder / "templates" / name).write_text(FRONT + text, encoding="utf-8")


def page(terminal: CommandLine, name: str) -> str:
    """The HTML of the first person's mail."""
    files = terminal.json("preview", name, "--list", "people", status=None)["previews"][0]["files"]
    made = email.message_from_bytes((terminal.folder / files["eml"]).read_bytes(), policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    part = made.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def place(name: str, text: str, words: str) -> str:
    """Where these words stand in the file."""
    before = (FRONT + text).partition(words)[0]
    line = before.count("\n") + 1
    return f"{name}, line {line}, column {len(before) - before.rfind(chr(10))}"


def findings(terminal: CommandLine, name: str) -> list[tuple[str, str]]:
    terminal.run("create", "trial", "--template", name, "--list", "people", "--replace")
    return [(one["code"], one["where"]) for one in terminal.json("check", "trial", status=None)["findings"]]


def test_a_receipt_made_for_another_program(terminal: CommandLine) -> None:
    paste(terminal, "receipt.html", RECEIPT)
    terminal.run("create", "trial", "--template", "receipt.html", "--list", "people", "--replace", status=None)
    refused = terminal.run("check", "trial", status=2)
    assert "{{#each receipt_details}} is another mail program's way of writing" in refused.err
    assert "Such tags stand in lines 19, 20, too." in refused.err
    assert place("receipt.html", RECEIPT, "{{#each") in refused.err
    assert "{% for one in rows %}" in refused.err

    mended = re.sub(r"\{\{[#/]each.*\}\}\n", "", RECEIPT).replace("{{#if amount}}", "{% if amount %}")
    mended = mended.replace("{{{ amount }}}", "{{ amount }}").replace("{{/if}}", "{% endif %}")
    paste(terminal, "receipt.html", mended)
    assert {where for code, where in findings(terminal, "receipt.html") if code == "unfilled_field"} == {
        place("receipt.html", mended, "*|FNAME|*"),
        place("receipt.html", mended, "[Product Name]"),
    }

    sent = page(terminal, "receipt.html")
    assert sent.startswith(RECEIPT.split("\n", maxsplit=1)[0])
    assert "<!--[if mso]><style>.sheet { width: 560px }</style><![endif]-->" in sent
    assert ".sheet { width: 100% !important}" in re.sub(r"\s+", " ", sent).replace("!important }", "!important}")
    assert re.search(r'<p class="desk-only" style="[^"]*display: block;?"', sent)
    assert "Total 10" in sent


def test_an_offer_from_a_gallery(terminal: CommandLine) -> None:
    paste(terminal, "offer.mjml", OFFER)
    found = findings(terminal, "offer.mjml")
    assert {where for code, where in found if code == "mjml_differs"} == {
        place("offer.mjml", OFFER, "<mj-image"),
        place("offer.mjml", OFFER, "<mj-wrapper"),
    }
    assert [where for code, where in found if code == "unfilled_field"] == [place("offer.mjml", OFFER, "[[FirstName]]")]

    sent = page(terminal, "offer.mjml").replace(": ", ":")
    assert "background-color:#f4f4f4" in sent
    assert re.search(r'style="[^"]*font-size:30px[^"]*color:#aa0000[^"]*">Hello Ada', sent)
    assert 'alt="Apples       and pears"' in sent
    assert 'width="200"' in sent
    assert "height:17px" in sent


def test_a_mail_whose_css_cannot_be_inlined_goes_out_with_its_style_block(terminal: CommandLine) -> None:
    rules = "".join(f".none{number} {{ color: red }}\n" for number in range(7_000))
    css = f"{rules}.big {{ font-size: 30px }} @media (max-width: 600px) {{ .big {{ font-size: 20px }} }}"
    body = f"<p class='big'>Hello {{{{ first_name }}}}</p>{'<br>' * 3_000}"
    paste(terminal, "long.html", f"<!DOCTYPE html><html><head><style>{css}</style></head><body>{body}</body></html>")
    assert "not_inlined" in {code for code, _ in findings(terminal, "long.html")}
    sent = page(terminal, "long.html")
    assert ".big { font-size: 30px } @media (max-width: 600px) { .big { font-size: 20px } }" in sent
    assert re.search(r"<p class=.big.>Hello Ada</p>", sent)
