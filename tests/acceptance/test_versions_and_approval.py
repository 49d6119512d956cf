"""What was sent, from which words, and who stood for it: versions, `show`, `approve`, and proofs of edge cases."""

import subprocess
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tests.doubles import documents
from tests.doubles.command_line import CommandLine
from tests.doubles.documents import mistakes
from tests.doubles.prepared import prepared, relay
from tests.doubles.smtp_server import SmtpServer

PAGE = """---
subject: {{ first_name }}, “grüße”
---
{% extends "frame.html" %}
{% block body %}<p>Dear {{ first_name }} of {{ city }},</p>{% include "foot.html" %}{% endblock %}
"""
FRAME = "<html><body>{% block body %}{% endblock %}</body></html>\n"
FOOT = '<p>.From us, {{ city }} \u2013 <a href="{{ unsubscribe_url }}">leave</a></p>'


def workspace(folder: Path, factory: pytest.TempPathFactory, port: int, first_line: str = "") -> CommandLine:
    here = prepared(factory, folder, relay(port))
    settings = folder / "mergecast.toml"
    settings.write_text(f"{first_line}\n{settings.read_text(encoding='utf-8')}", encoding="utf-8")
    write_page(folder)
    return here


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer) -> CommandLine:
    return workspace(tmp_path / "shop", tmp_path_factory, server.port)


def write_page(folder: Path, page: str = PAGE, frame: str = FRAME, foot: str = FOOT) -> None:
    templates = folder / "templates"
    (templates / "page.html").write_text(page, encoding="utf-8")
    (templates / "layouts" / "frame.html").write_text(frame, encoding="utf-8")
    (templates / "blocks" / "foot.html").write_text(foot, encoding="utf-8")


def templates(folder: Path) -> dict[str, bytes]:
    names = ("page.html", "layouts/frame.html", "blocks/foot.html")
    return {name: (folder / "templates" / name).read_bytes() for name in names}


def test_every_mail_is_shown_again_with_the_bytes_that_the_server_got(here: CommandLine, server: SmtpServer) -> None:
    create = ("create", "spring", "--template", "page", "--list", "people", "--transport", "relay", "--replace")
    here.run(*create)
    here.run("proof", "spring", "--to", "me@example.org", "--row", "3")
    here.run("run", "--until-idle")
    write_page(here.folder, page=PAGE.replace("Dear", "Beloved"))
    here.run(*create, "--from", "Grace <grace@mergecast-fair.org>")
    here.run("send", "spring", "--yes")
    here.run("run", "--until-idle")
    write_page(here.folder, page="no template any more")
    assert len(server.mails) == 4
    for mail in server.mails:
        told = here.json("show", message_from_bytes(mail.data, policy=default)["Message-ID"], "--eml")
        assert told.pop("eml").encode() == mail.data
        assert mistakes(told, documents.SHOWN) == []
        assert (told["to"], told["state"], told["attempts"], told["note"]) == (mail.rcpt_to[0], "accepted", 1, "")
        assert told["version"] == (1 if told["proof"] else 2)
    said = here.run("show", "--campaign", "spring", "--row", "3").out
    assert all(words in said for words in ("bob@example.net", "page.html, version 2", "Beloved Bob of Ulm"))
    raw = subprocess.run(  # as a shell redirects it: no line end may change
        here._line(("show", "--campaign", "spring", "--to", "BOB@example.net", "--eml")),
        cwd=here.folder, env=here.environment(), capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert raw in [mail.data for mail in server.mails]
    report = here.json("report", "spring", "--rows", "rows.csv")
    assert report["version"] == 2
    assert (here.folder / "rows.csv").read_text(encoding="utf-8-sig").splitlines()[1].endswith(",2")


def test_three_files_of_a_version_come_back_and_what_stood_there_is_kept(here: CommandLine) -> None:
    here.run("create", "first", "--template", "page", "--list", "people")
    here.run("check", "first", status=1)
    before = templates(here.folder)
    write_page(here.folder, PAGE + "<p>more</p>\n", FRAME.replace("<body>", '<body class="wide">'), f"{FOOT}\n")
    changed = templates(here.folder)
    said = here.at_terminal("versions", "diff", "page", answers={}).out
    assert "\x1b[31m-<html><body>" in said
    assert '\x1b[32m+<html><body class="wide">' in said
    told = here.json("versions", "restore", "page", "1", "--as", "bea")
    assert mistakes(told, documents.RESTORED) == []
    assert sorted(told["files"]) == ["blocks/foot.html", "layouts/frame.html", "page.html"]
    assert (told["kept"], told["differs"], told["others"]) == (2, [], [])
    assert templates(here.folder) == before
    listed = here.json("versions", "list", "page")
    assert mistakes(listed, documents.VERSIONS) == []
    assert [(one["version"], one["who"] == "bea", one["now"]) for one in listed["versions"]] == [
        (1, False, True), (2, True, False),
    ]  # fmt: skip
    (here.folder / "templates" / "page.html").unlink()
    assert here.run("versions", "restore", "page", "2").out.startswith("Version 2 is back:")
    assert templates(here.folder) == changed
    diff = here.json("versions", "diff", "page", "1", "2")
    assert mistakes(diff, documents.DIFF) == []
    assert "+<p>more</p>" in diff["files"][0]["diff"]
    assert "first: 3 mails (checked)" in here.run("versions", "list", "page").out


def test_nothing_leaves_unapproved_where_the_settings_ask_for_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer
) -> None:
    here = workspace(tmp_path / "shop", tmp_path_factory, server.port, "approval_from = 3")
    refused = here.run("merge", "people.csv", "letter.md", "--transport", "relay", "--yes", status=2)
    assert "letter-people needs an approval: it is 3 mails" in refused.err
    told = here.json("approve", "letter-people", "--note", "looks good", "--as", "Bea")
    assert mistakes(told, documents.APPROVED) == []
    assert told["campaign"]["state"] == "approved"
    letter = here.folder / "templates" / "letter.md"
    letter.write_text(letter.read_text(encoding="utf-8").replace("Dear", "Beloved"), encoding="utf-8")
    (one,) = here.json("status", "letter-people")["campaigns"]
    assert (one["state"], one["approval"]["changed"]) == ("checked", ["the template"])
    refused = here.run("send", "letter-people", "--yes", status=2)
    assert "the template changed since Bea approved it on " in refused.err
    assert server.mails == []
    assert "Approved by Bea" in here.run("approve", "letter-people", "--as", "Bea").out
    here.run("send", "letter-people", "--yes")
    here.run("run", "--until-idle")
    assert len(server.mails) == 3
    assert "letter-people: Approved by Bea" in here.run("status").out


def test_edge_cases_are_previewed_with_reasons_and_proved(here: CommandLine, server: SmtpServer) -> None:
    lines = ["email,first_name,city", "a@example.org,Ann,Ulm", "b@example.org,O'Neil,Ulm", "c@example.org,Łąęś,Ulm"]
    lines += ["d@example.org,גלי,Haifa", "e@example.org,,", "f@example.org,Konstantin Maria,Oberammergau"]
    (here.folder / "edges.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    here.run("import", "edges.csv", "--list", "edges")
    told = here.json("preview", "letter", "--list", "edges", "--edge-cases")
    assert mistakes(told, documents.PREVIEW) == []
    why = {one["row"]: one["why"] for one in told["previews"]}
    assert why == {
        2: ["first of shape 1 (6 rows)"], 3: ["most apostrophes"], 4: ["most letters beyond ASCII"],
        5: ["right to left"], 6: ["shortest", "most empty values"], 7: ["longest"],
    }  # fmt: skip
    text = Path(here.folder / told["previews"][3]["files"]["text"]).read_text(encoding="utf-8")
    assert text.startswith("Dear גלי of Haifa.")
    here.run("create", "edges", "--template", "letter", "--list", "edges", "--transport", "relay")
    proved = here.json("proof", "edges", "--to", "me@example.org", "--edge-cases")
    assert mistakes(proved, documents.PROOF) == []
    assert {one["row"]: one["why"] for one in proved["proofs"]} == why
    assert "row 5  right to left" in here.run("proof", "edges", "--to", "me@example.org", "--edge-cases").out
    here.run("run", "--until-idle", "--json")
    assert [mail.rcpt_to for mail in server.mails] == [["me@example.org"]] * 12
