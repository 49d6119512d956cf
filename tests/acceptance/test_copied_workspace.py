"""A workspace that was copied, or came from a backup, sends nothing by itself: `run` says why, a person accepts it."""

import shutil
from pathlib import Path

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.documents import HELD, STATUS, mistakes
from tests.doubles.folders import asked
from tests.doubles.prepared import prepared
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer


def test_a_copy_holds_until_it_is_accepted_while_its_original_sends(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(SmtpServer()) as server:
        relay = f'[transports.relay]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {server.port}\ntls = "none"\n'
        first = prepared(tmp_path_factory, tmp_path / "shop", relay)
        first.run("send", "spring", "--yes", "--transport", "relay")
        shutil.copytree(tmp_path / "shop", tmp_path / "copy")
        shutil.copytree(tmp_path / "shop", tmp_path / "accepted")
        copy = CommandLine(tmp_path / "copy")
        lists = asked(tmp_path / "copy" / "mergecast.db", "SELECT count(*) FROM sheets")

        told = copy.json("run", "--until-idle", status=2)["error"]
        assert told["kind"] == "copied"
        assert "This workspace was copied" in told["sentence"]
        assert "3 of spring (scheduled)" in told["sentence"]
        assert "mergecast run --accept-restored" in told["remedy"]
        refused = copy.run("merge", "people.csv", "letter", "--yes", status=2)
        assert "This workspace was copied" in refused.err
        assert asked(copy.folder / "mergecast.db", "SELECT count(*) FROM sheets") == lists
        status = copy.json("status", status=1)
        assert mistakes(status, STATUS) == mistakes(status["held"], HELD) == []
        assert status["held"]["waiting"] == [{"campaign": "spring", "state": "scheduled", "messages": 3}]
        assert server.mails == []

        (tmp_path / "shop").rename(tmp_path / "store")  # which is no copy
        original = CommandLine(tmp_path / "store")
        assert original.json("run", "--until-idle")["messages"] == {"accepted": 3}
        assert len(server.mails) == 3

        accepted = CommandLine(tmp_path / "accepted").run("run", "--until-idle", "--accept-restored")
        assert "3 accepted" in accepted.out
        assert len(server.mails) == 6  # somebody said so
