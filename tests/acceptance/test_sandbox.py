"""A rehearsal at SendGrid: its requests are checked there, and nobody receives anything."""

from pathlib import Path

from tests.doubles.command_line import CommandLine
from tests.doubles.sendgrid_double import KEY, SendgridDouble

SETTINGS = """zone = "UTC"
[sender]
from = "Ada <ada@mergecast-fair.org>"
[transports.cloud]
kind = "sendgrid"
base_url = "{url}"
sandbox = true
"""


def test_a_rehearsal_through_the_sandbox(tmp_path: Path) -> None:
    with SendgridDouble.in_thread() as double:
        here = CommandLine(tmp_path, {"MERGECAST_TRANSPORTS__CLOUD__API_KEY": KEY})
        here.run("init")
        (tmp_path / "mergecast.toml").write_text(SETTINGS.format(url=double.url), encoding="utf-8")
        (tmp_path / "people.csv").write_text("email,name\nbo@example.org,Bo\ncy@example.org,Cy\n", encoding="utf-8")
        letter = "---\nsubject: Hello {{ name }}\n---\nDear {{ name }}\n\n[leave]({{ unsubscribe_url }})\n"
        (tmp_path / "letter.md").write_text(letter, encoding="utf-8")

        said = here.run("merge", "people.csv", "letter.md", "--transport", "cloud", "--yes").out
        assert "2 mails queued as a rehearsal through cloud: nobody receives anything." in said
        assert double.requests == 1
        assert double.mails == []

        assert "2 accepted" in here.run("status").out
        # A rehearsal is no mail: everybody may still be mailed for real, and nobody counts as mailed lately.
        (tmp_path / "mergecast.toml").write_text(SETTINGS.format(url=double.url).replace("true", "false"))
        here.run("send", "letter-people", "--yes")
        here.run("run", "--until-idle")
        assert sorted(mail.to[0].email for mail in double.mails) == ["bo@example.org", "cy@example.org"]
