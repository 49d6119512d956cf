"""A warm-up as a person meets it: said before and after `send`, in `status`, in a list, and put to another day."""

import re
from pathlib import Path

import pytest

from tests.doubles import documents
from tests.doubles.command_line import CommandLine, until
from tests.doubles.documents import mistakes
from tests.doubles.folders import asked
from tests.doubles.prepared import prepared
from tests.doubles.smtp_server import SmtpServer

SETTINGS = """
    [transports.relay]
    kind = "smtp"
    host = "127.0.0.1"
    port = {port}
    tls = "none"
    warm_up = "5/d, 10/d, 20/d Pacific/Kiritimati"
"""
SHEET = "email,first_name,city\n" + "".join(f"p{n}@example.com,Person {n},Ulm\n" for n in range(30))


@pytest.fixture
def here(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer) -> CommandLine:
    line = prepared(tmp_path_factory, tmp_path / "shop", SETTINGS.format(port=server.port))
    (line.folder / "thirty.csv").write_text(SHEET)
    line.run("import", "thirty.csv", "--list", "thirty")
    line.run("create", "fair", "--template", "letter", "--list", "thirty", "--transport", "relay")
    return line


def test_a_large_campaign_takes_days_and_a_person_may_put_it_to_another(here: CommandLine, server: SmtpServer) -> None:
    queued = here.json("send", "fair", "--yes")
    assert mistakes(queued, documents.QUEUED) == []
    assert queued["plan"]["limits"][0]["limit"] == "relay, warm-up"
    assert 5 <= queued["plan"]["on_first_day"] < 30
    here.run("reopen", "fair")
    said = here.run("send", "fair", "--yes")
    sentence = (
        r"The first leaves now, the last \w+ \d\d:\d\d [^;]+; relay, warm-up limits it\. \d+ leave on the first day\."
    )
    assert re.search(sentence, said.out)
    here.run("run", "--until-idle")  # which ends: the others wait for tomorrow
    assert len(server.mails) == 5
    with here.running("run"):
        until(lambda: bool((here.json("status", "fair", status=None)["campaigns"][0]["waiting"] or {}).get("for")))
        told = here.json("status", "fair")
        assert mistakes(told, documents.STATUS) == []
        (fair,) = told["campaigns"]
        assert fair["waiting"]["for"] == "relay, warm-up day 1 of 3: 5 a day"
        assert fair["waiting"]["until"] == told["warm_ups"][0]["until"]
        assert fair["forecast"]["planned"] == queued["plan"]["last"]
        out = here.run("status", "fair").out
        assert re.search(r"fair waits until \w+ .+, in .+, for relay, warm-up day 1 of 3: 5 a day", out)
        assert "relay: warm-up day 1 of 3, 5 of 5 a day are spent." in out
        put = here.json("warm-up", "set", "relay", "2", "--as", "Grace")
        assert mistakes(put, documents.WARM_UP) == []
        assert (put["day"], put["used"], put["coming"]) == (2, 5, ["20/d"])
        until(lambda: len(server.mails) == 10)
        assert "relay: warm-up day 2 of 3, 10 of 10 a day are spent." in here.run("warm-up", "list").out
        here.run("warm-up", "set", "relay", "over")
        until(lambda: len(server.mails) == 30)
    assert "relay: its warm-up is over, nothing limits it." in here.run("warm-up", "list").out
    found = asked(
        here.folder / "mergecast.db", "SELECT who, detail FROM history WHERE verb = 'warm-up set' ORDER BY id"
    )
    assert found[0] == ("Grace", '{"whose": "transport relay", "before": 1, "after": 2}')
    for name, day, sentence in (
        ("cloud", "1", "cloud has no warm-up."),
        ("relay", "4", "4 is no day of the warm-up"),
        ("relay", "0", "0 is no day of the warm-up"),
    ):
        refused = here.run("warm-up", "set", name, day, status=2)
        assert refused.err.startswith(sentence)
    assert mistakes(here.json("warm-up", "list"), {"warm_ups": [documents.WARM_UP]}) == []
