"""Limits of domain groups, a canary and its hold, and the automatic pause, as a person meets them."""

import re
from pathlib import Path

import pytest

from tests.doubles.command_line import CommandLine, until
from tests.doubles.prepared import prepared
from tests.doubles.smtp_server import SmtpServer

SETTINGS = """
    [transports.relay]
    kind = "smtp"
    host = "127.0.0.1"
    port = {port}
    tls = "none"
    connections = 2

    [limits."gmail.com"]
    throttle = "1/h"
"""
SHEET = "email,first_name,city\n" + "".join(
    f"p{n}@{'googlemail.com' if n in (3, 17) else 'example.com'},Person {n},Ulm\n" for n in range(40)
)


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer) -> CommandLine:
    line = prepared(tmp_path_factory, tmp_path / "shop", SETTINGS.format(port=server.port))
    (line.folder / "forty.csv").write_text(SHEET)
    line.run("import", "forty.csv", "--list", "forty")
    line.run("create", "fair", "--template", "letter", "--list", "forty", "--transport", "relay", "--pause-above", "5%")
    return line


def test_a_canary_leaves_the_hold_is_ended_and_a_group_waits_for_its_limit(
    here: CommandLine, server: SmtpServer
) -> None:
    assert here.run("send", "fair", "--yes", "--canary", "100%", status=2).err.startswith("“100%” is no canary.")
    assert "none would be held back" in here.run("send", "fair", "--yes", "--canary", "40", status=2).err
    queued = here.json("send", "fair", "--yes", "--canary", "10%", "--hold", "2h")
    assert queued["canary"] == {"mails": 4, "hold": "2h", "holds_until": None}
    with here.running("run"):

        def fair() -> dict[str, object]:
            told: dict[str, object] = here.json("status", "fair", status=None)["campaigns"][0]
            return told

        until(lambda: (fair()["waiting"] or {"for": ""})["for"] == "canary")  # type: ignore[index]
        assert len(server.mails) == 4
        assert "4 of 4 sent as canary. `mergecast resume fair` ends the hold." in here.run("status", "fair").out
        here.run("resume", "fair")
        until(lambda: len(server.mails) == 39)
        until(lambda: (fair()["waiting"] or {"for": ""})["for"] == "gmail.com, 1/h")  # type: ignore[index]
        assert re.search(r"fair waits (59:5\d|1 hour) for gmail\.com", here.run("status", "fair").out)
