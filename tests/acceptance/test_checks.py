"""`check` finds what a marketer would rather find before the recipients do, and says in which line it stands."""

import re

import pytest

from tests.doubles.command_line import CommandLine

PEOPLE = """email,first_name,plan,amount,invoice_no
ada@example.org,Ada,pro,10,INV-1
bob@example.net,,pro,nan,INV-2
cy@example.com,Cy,pro,30,INV-3
di@example.com,Di,pro,40,INV-3
ed@example.com,Ed,pro,50,INV-5
fi@example.com,Fi,pro,50,INV-6
"""
# Each mistake stands in a line that ends with a comment of the template language: the code, and the column (0: none).
MISTAKEN = """---
subject: Invoice {{ invoice_no }} for {{ first_name }}{# empty_in_subject 0, same_subject 0 #}
preheader: Invoice {{ invoice_no }} for {{ first_name }}{# preheader_is_subject 12, empty_field 44 #}
---
<html><head>
<link rel="stylesheet" href="https://cdn.mergecast-fair.org/x.css">{# unsupported_tag 1 #}
<style>
@import url("https://fonts.mergecast-fair.org/x.css");{# unsupported_css 1 #}
.a { color: red; position: absolute }{# unsupported_css 18 #}
@media (max-width: 480px) { .a { display: grid } }
</style></head><body>
<div class="outer">{# unbalanced_tag 1 #}
{% if plan == "pro" %}
<p>Hello, you pay {{ amount }}.</p>
{% else %}{# unreached_branch 0 #}
<p>Hello, you pay nothing.</p>
{% endif %}
<img src="https://pics.mergecast-fair.org/a.png">{# image_without_text 11 #}
<a href="#">nowhere</a>{# dead_link 4 #}
<p>A <a href="http//shop.mergecast-fair.org">shop</a></p>{# broken_link 15 #}
<p><a href="http://old.mergecast-fair.org/x">old</a></p>{# insecure_link 13 #}
<p style="float: left">x</p>{# unsupported_css 11 #}
{% if plan == "gold" %}{# unreached_branch 0 #}
{% if amount > 3 %}gold{% endif %}
{% elif plan == "silver" %}{# unreached_branch 0 #}
silver{% endif %}
{% raw %}{{ forgotten }}{% endraw %}{# unfilled_field 10 #}
Dear *|FNAME|*, or [first_name],{# unfilled_field 6, unfilled_field 20 #}
</span>{# unbalanced_tag 1 #}
<p><a href="{{ unsubscribe_url }}">leave</a></p>
</body></html>
"""


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A workspace with a list of people."""
    folder = tmp_path_factory.mktemp("checks")
    terminal = CommandLine(folder)
    terminal.run("init")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    terminal.run("import", "people.csv", "--list", "people")
    return terminal


def checked(terminal: CommandLine, name: str, text: str, **options: str) -> list[dict[str, object]]:
    """The Findings of a template, made in a campaign of its own."""
    (terminal.folder / "templates" / name).write_text(text, encoding="utf-8")
    extra = [word for option, value in options.items() for word in (f"--{option}", value)]
    terminal.run("create", "trial", "--template", name, "--list", "people", "--replace", *extra)
    return terminal.json("check", "trial", status=None)["findings"]


def test_each_mistake_is_found_in_its_line_with_a_remedy(terminal: CommandLine) -> None:
    findings = checked(terminal, "mistaken.html", MISTAKEN)
    wanted = [
        (code, f"mistaken.html, line {number}" + (f", column {column}" if column != "0" else ""))
        for number, line in enumerate(MISTAKEN.split("\n"), 1)
        for remark in re.findall(r"\{# (.*?) #\}", line)
        for code, column in (one.split() for one in remark.split(", "))
    ]
    wanted += [("odd_value", "column amount"), ("unsubscribe_mailto", "")]
    assert sorted((one["code"], one["where"]) for one in findings) == sorted(wanted)
    for one in findings:
        assert one["severity"] == "warns"
        assert one["sentence"]
        assert one["remedy"]


def test_the_rows_of_each_are_named(terminal: CommandLine) -> None:
    rows = {one["code"]: one["first_rows"] for one in checked(terminal, "mistaken.html", MISTAKEN)}
    assert rows["odd_value"] == rows["empty_in_subject"] == [3]
    assert rows["same_subject"] == [4, 5]
    assert rows["unreached_branch"] == []


@pytest.mark.parametrize(
    ("front", "code"),
    [
        ("subject: Hello", "no_preheader"),
        ("subject: Hello\npreheader: hello", "preheader_is_subject"),
        (f"subject: Hello\npreheader: {'long ' * 30}", "long_preheader"),
        (f"subject: {'long ' * 15}\npreheader: x", "long_subject"),
        ("subject: {{ plan|replace('pro', '') }}\npreheader: x", "empty_subject"),
    ],
)
def test_what_an_inbox_would_show_is_looked_at(terminal: CommandLine, front: str, code: str) -> None:
    findings = checked(terminal, "inbox.md", f"---\n{front}\n---\nDear people\n")
    found = [one for one in findings if one["code"] == code]
    assert len(found) == 1
    assert found[0]["rows"] == 6
    assert found[0]["remedy"]


def test_an_empty_subject_leaves_its_row_out(terminal: CommandLine) -> None:
    text = "---\nsubject: {{ first_name }}\npreheader: x\n---\nDear people\n"
    left_out = [one for one in checked(terminal, "inbox.md", text) if one["severity"] == "leaves_out"]
    assert [(one["code"], one["first_rows"]) for one in left_out] == [("empty_subject", [3])]


def test_tags_of_mjml_that_are_not_balanced_stop_with_their_line(terminal: CommandLine) -> None:
    body = (
        "{% if plan == 'pro' %}\n<!-- a remark -->\n{% endif %}\n<mjml><mj-body>\n"
        "<mj-section><mj-column>\n<mj-text>Hello <b>{{ first_name }}</mj-text>\n</mj-column></mj-section></mj-body></mjml>"
    )
    text = f"---\nsubject: Hello\n---\n{body}\n"
    [stop] = [one for one in checked(terminal, "torn.mjml", text) if one["severity"] == "stops"]
    assert "<b> is not closed" in str(stop["sentence"])
    assert "torn.mjml, line 9, column 16" in str(stop["where"])
    text = text.replace("<b>", "").replace("</mj-column>", "")
    [stop] = [one for one in checked(terminal, "torn.mjml", text) if one["severity"] == "stops"]
    assert "</mj-section> stands where <mj-column> of line 8 is still open" in str(stop["sentence"])
    assert "torn.mjml, line 10, column 1" in str(stop["where"])


def test_an_example_address_is_a_mistake_only_where_mail_leaves(terminal: CommandLine) -> None:
    text = "---\nsubject: Hello\npreheader: x\n---\n[shop](https://www.example.com/shop)\n"
    assert "example_link" not in [one["code"] for one in checked(terminal, "shop.md", text)]
    with (terminal.folder / "mergecast.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[transports.relay]\nkind = "smtp"\nhost = "smtp.example.com"\n')
    found = [one for one in checked(terminal, "shop.md", text, transport="relay") if one["code"] == "example_link"]
    assert [one["where"] for one in found] == ["shop.md, line 5, column 8"]
