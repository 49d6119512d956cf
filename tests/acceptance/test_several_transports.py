"""Several transports: mail takes its route by recipient and sender; one goes down in the middle of it, and comes back."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.command_line import CommandLine, until
from tests.doubles.documents import STATUS, mistakes
from tests.doubles.prepared import prepared
from tests.doubles.sendgrid_double import SendgridDouble
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

SETTINGS = """
    [transports.relay]
    kind = "smtp"
    host = "127.0.0.1"
    port = {relay}
    tls = "none"
    connections = 2
    throttle = "40/s"
    fallback = "spare"

    [transports.spare]
    kind = "smtp"
    host = "127.0.0.1"
    port = {spare}
    tls = "none"
    connections = 2
    throttle = "3/s"

    [transports.cloud]
    kind = "sendgrid"
    base_url = "{cloud}"

    [[routes]]
    through = "cloud"
    domains = ["outlook.com"]
    senders = ["ada@mergecast-fair.org"]

    [[routes]]
    through = "spare"
    senders = ["grace@mergecast-fair.org"]
"""
OTHERS, HOTMAIL = 250, 9  # enough for the relay to come back to, however slow the machine is
SHEET = "email,first_name,city\n" + "".join(
    [f"p{n}@example.com,Person {n},Ulm\n" for n in range(OTHERS)]
    + [f"h{n}@hotmail.com,Person {n},Ulm\n" for n in range(HOTMAIL)]
)


@pytest.fixture
def spare() -> Iterator[SmtpServer]:
    with serving(SmtpServer()) as server:
        yield server


@pytest.fixture
def cloud() -> Iterator[SendgridDouble]:
    with SendgridDouble.in_thread() as double:
        yield double


def who(server: SmtpServer) -> Counter[str]:
    return Counter(to for mail in list(server.mails) for to in mail.rcpt_to)


def test_mail_takes_its_route_and_an_outage_loses_doubles_and_burns_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, spare: SmtpServer, cloud: SendgridDouble
) -> None:
    first = SmtpServer()
    with ExitStack() as up:
        up.enter_context(serving(first))
        given = SETTINGS.format(relay=first.port, spare=spare.port, cloud=cloud.url)
        here = prepared(tmp_path_factory, tmp_path / "shop", given)
        here = CommandLine(here.folder, {"MERGECAST_TRANSPORTS__CLOUD__API_KEY": cloud.key})
        (here.folder / "all.csv").write_text(SHEET)
        here.run("import", "all.csv", "--list", "all")
        here.run("create", "fair", "--template", "letter", "--list", "all", "--transport", "relay")
        here.run("proof", "fair", "--to", "me@outlook.com")
        queued = here.run("send", "fair", "--yes").out
        assert (
            f"fair: {OTHERS + HOTMAIL} mails queued: {OTHERS} through relay, 9 through cloud (outlook.com)." in queued
        )
        with here.running("run", "--until-idle") as worker:
            until(lambda: len(cloud.mails) == HOTMAIL + 1 and len(first.mails) > 10)
            up.close()  # the relay is down
            until(lambda: worker.has_said("transport.replaced", transport="relay", through="spare"), within=15)
            told: list[dict[str, Any]] = []
            until(lambda: told.append(here.json("status", status=1)) or told[-1]["outages"][0]["through"], every=0.5)
            assert mistakes(told[-1], STATUS) == []
            assert told[-1]["campaigns"][0]["messages"]["uncertain"] <= 2  # what was on the wire just then
            said = here.run("status", status=1).out
            assert re.search(
                r"relay is out since \w{3} [\d-]+ \d\d:\d\d \S+, \d+ seconds? ago: .+\. It is (being tried again|tried again in \d+ s);",
                said,
            )
            assert "its mail goes through spare meanwhile." in said
            second = SmtpServer(port=first.port)
            up.enter_context(serving(second))
            ended = worker.ends()
    assert ended.status == 0
    assert '"transport": "relay", "event": "transport.reinstated"' in ended.err
    assert len(second.mails) > 5
    got = who(first) + who(spare) + who(second) + Counter(mail.to[0].email for mail in cloud.mails)
    assert set(got.values()) == {1}
    assert len(got) == OTHERS + HOTMAIL + 1
    assert {to.partition("@")[2] for to in who(first) + who(spare) + who(second)} == {"example.com"}
    report = here.json("report", "fair")["messages"]
    assert report["accepted"] + report["uncertain"] == OTHERS + HOTMAIL
    assert (here.json("status", status=None)["outages"], report["expired"], report["rejected"]) == ([], 0, 0)
    by_spare = here.json("show", "--campaign", "fair", "--to", next(iter(who(spare))))
    by_cloud = here.json("show", "--campaign", "fair", "--to", "h1@hotmail.com")
    assert [(one["transport"], one["attempts"]) for one in (by_spare, by_cloud)] == [("spare", 1), ("cloud", 1)]


def test_a_senders_route_is_said_and_taken_and_a_route_of_later_pauses_what_was_not_checked_for_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, spare: SmtpServer, cloud: SendgridDouble
) -> None:
    given = SETTINGS.format(relay=spare.port, spare=spare.port, cloud=cloud.url).partition("[[routes]]")
    here = prepared(tmp_path_factory, tmp_path / "shop", given[0])
    here = CommandLine(here.folder, {"MERGECAST_TRANSPORTS__CLOUD__API_KEY": cloud.key})
    (here.folder / "few.csv").write_text("email,first_name,city\nada@outlook.com,Ada <%,Ulm\nbob@example.com,Bob,Ulm\n")
    here.run("import", "few.csv", "--list", "few")
    made = ("--template", "letter", "--list", "few", "--transport", "relay")
    here.run("create", "early", *made)
    here.run("send", "early", "--yes")
    with (here.folder / "mergecast.toml").open("a") as file:
        file.write("".join(line.strip() + "\n" for line in f"[[routes]]{given[2]}".splitlines()))
    here.run("run", "--until-idle")
    (early,) = (one for one in here.json("status", status=1)["campaigns"] if one["name"] == "early")
    assert early["state"] == "paused"
    assert "Its mail to outlook.com goes through “cloud” (sendgrid)" in early["trouble"][0]
    assert (spare.mails, cloud.mails) == ([], [])
    here.run("reopen", "early")
    left = here.json("check", "early", status=1)
    assert [finding["code"] for finding in left["findings"] if finding["severity"] == "leaves_out"] == ["sendgrid_tag"]
    here.run("create", "grace", *made, "--from", "grace@mergecast-fair.org")
    queued = here.json("send", "grace", "--yes", "--again")
    assert queued["shares"] == [{"transport": "spare", "mails": 2, "groups": []}]
    here.run("run", "--until-idle")
    assert {message_from_bytes(mail.data)["From"] for mail in spare.mails} == {"grace@mergecast-fair.org"}
    assert len(spare.mails) == 2
