"""The long-lived worker while people steer it from other terminals, and what `status` says of it."""

import os
import shutil
import sqlite3
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trustme

from tests.doubles.command_line import CommandLine, until
from tests.doubles.documents import STATUS, WAITING, WORKER, mistakes
from tests.doubles.folders import asked
from tests.doubles.prepared import MANY, prepared, relay
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

PASSWORD = "never-to-be-seen"
Workspace = Callable[..., CommandLine]


@pytest.fixture
def workspace(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, server: SmtpServer) -> Workspace:
    def make(more: str = "", port: int = 0, **env: str) -> CommandLine:
        here = prepared(tmp_path_factory, tmp_path / "shop", relay(port or server.port, more))
        return CommandLine(here.folder, env)

    return make


def queue(here: CommandLine, name: str = "spring", transport: str = "relay") -> None:
    """`crowd` goes to many, `spring` to three."""
    here.run("send", name, "--yes", "--transport", transport)


def state_of(here: CommandLine, name: str = "spring") -> str:
    return str(asked(here.folder / "mergecast.db", "SELECT state FROM campaigns WHERE name = ?", name)[0][0])


def doing(here: CommandLine) -> str:
    """What the worker wrote down at its last beat."""
    return str(asked(here.folder / "mergecast.db", "SELECT doing FROM workers ORDER BY id DESC LIMIT 1"))


def test_pause_resume_and_cancel_are_felt_within_a_second(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace('throttle = ["30/s"]\n')
    queue(here, "crowd")
    with here.running("run") as worker:
        until(lambda: len(server.mails) >= 15)
        here.run("pause", "crowd")
        time.sleep(1.0)
        paused_at = len(server.mails)
        time.sleep(1.0)
        assert len(server.mails) == paused_at < MANY
        assert here.json("status", "crowd")["campaigns"][0]["state"] == "paused"
        here.run("resume", "crowd")
        assert until(lambda: len(server.mails) > paused_at) < 1.0
        here.run("cancel", "crowd")
        time.sleep(1.0)
        cancelled_at = len(server.mails)
        time.sleep(0.6)
        assert len(server.mails) == cancelled_at < MANY
        ran, _ = worker.terminate()
    assert ran.status == 0
    report = here.json("report", "crowd")
    assert report["messages"]["accepted"] == cancelled_at
    assert report["messages"]["cancelled"] == MANY - cancelled_at
    assert report["adds_up"] is True
    assert len({kept.rcpt_to[0] for kept in server.mails}) == cancelled_at


def test_a_suppression_is_felt_while_the_worker_sends(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace('throttle = ["30/s"]\n')
    queue(here, "crowd")
    last = [f"p{n}@example.org" for n in range(MANY - 20, MANY)]
    with here.running("run"):
        until(lambda: len(server.mails) >= 5)
        here.run("suppress", "add", *last)
        here.run("pause", "crowd")
    assert not {kept.rcpt_to[0] for kept in server.mails} & set(last)
    assert here.json("report", "crowd")["messages"]["suppressed"] == 20


def test_status_tells_of_a_worker_at_work(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace('throttle = ["20/s"]\n')
    queue(here, "crowd")
    with here.running("run") as worker:
        until(lambda: len(server.mails) >= 60)
        told = here.json("status")
        queued = here.json("proof", "crowd", "--to", "me@example.org")
        worker.terminate()
    assert mistakes(told, STATUS) == []
    assert mistakes(told["worker"], WORKER) == []
    assert told["worker"]["pid"] == worker.process.pid
    (crowd,) = [one for one in told["campaigns"] if one["name"] == "crowd"]
    assert (crowd["state"], crowd["trouble"]) == ("sending", [])
    assert 10 <= crowd["rate"] <= 24
    assert queued["worker_running"] is True


def test_status_says_what_a_campaign_waits_for_and_until_when(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace('throttle = ["2/h"]\n')
    queue(here)
    with here.running("run") as worker:
        until(lambda: "2/h" in doing(here))
        (spring,) = here.json("status", "spring")["campaigns"]
        worker.terminate()
    assert len(server.mails) == 2
    assert mistakes(spring["waiting"], WAITING) == []
    assert "2/h" in spring["waiting"]["for"]
    waits = datetime.fromisoformat(spring["waiting"]["until"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < waits < timedelta(minutes=61)
    with here.running("run") as worker:  # a restart grants nothing
        until(lambda: worker.has_said("worker.started"))
        time.sleep(1.0)
        worker.terminate()
    assert len(server.mails) == 2


def test_a_second_worker_is_refused_and_the_first_goes_on(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace()
    with here.running("run") as worker:
        until(lambda: worker.has_said("worker.started"))
        refused = here.run("run", "--until-idle", status=2)
        assert str(worker.process.pid) in refused.err
        assert "worker" in refused.err
        assert here.json("run", status=2)["error"]["kind"] == "worker_running"
        queue(here)
        until(lambda: len(server.mails) == 3)
        ran, _ = worker.terminate()
    assert ran.status == 0
    here.run("run", "--until-idle")


def test_merge_beside_a_worker_leaves_the_sending_to_it(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace()
    with here.running("run") as worker:
        until(lambda: worker.has_said("worker.started"))
        told = here.json("merge", "people.csv", "letter", "--list", "people", "--transport", "relay", "--yes")
        assert (told["worker_running"], told["queued"]) == (True, 3)
        until(lambda: len(server.mails) == 3)
        worker.terminate()


def test_sigterm_waits_for_the_replies_and_ends_with_0(workspace: Workspace, server: SmtpServer) -> None:
    server.delay = 1.5
    here = workspace("connections = 2\n")
    queue(here, "crowd")
    with here.running("run", "--json") as worker:
        until(lambda: len(server.mails) >= 2)
        ran, seconds = worker.terminate()
    assert ran.status == 0
    assert seconds < 6
    assert ran.document["messages"]["accepted"] == len(server.mails) <= 4
    told = here.json("report", "crowd")["messages"]
    assert (told["accepted"], told["leased"], told["uncertain"]) == (len(server.mails), 0, 0)
    assert told["queued"] == MANY - len(server.mails)


def test_a_worker_that_was_killed_leaves_what_was_on_its_way_uncertain(
    workspace: Workspace, server: SmtpServer
) -> None:
    server.delay = 30
    here = workspace("connections = 2\n")
    queue(here, "crowd")
    with here.running("run") as worker:
        until(lambda: len(server.mails) == 2)
        worker.process.kill()
        worker.ends()
    server.delay = 0
    here.run("pause", "crowd")
    here.run("run", "--until-idle")
    told = here.json("uncertain", "list")["uncertain"]
    assert {one["to"] for one in told} == {kept.rcpt_to[0] for kept in server.mails[:2]}


def test_a_campaign_starts_at_its_instant_and_not_before(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace()
    with here.running("run") as worker:
        until(lambda: worker.has_said("worker.started"))
        at = datetime.now(ZoneInfo("Europe/Berlin")).replace(tzinfo=None, microsecond=0) + timedelta(seconds=5)
        here.run("send", "spring", "--yes", "--transport", "relay", "--at", at.isoformat(sep=" "))
        until(lambda: len(server.mails) == 3)
        worker.terminate()
    (started,) = asked(here.folder / "mergecast.db", "SELECT at FROM history WHERE verb = 'start'")
    (instant,) = asked(here.folder / "mergecast.db", "SELECT starts_at FROM campaigns WHERE name = 'spring'")
    assert 0 <= (int(str(started[0])) - int(str(instant[0]))) / 1e6 < 1.0


def test_a_late_campaign_is_paused_and_goes_when_resumed(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace(MERGECAST_LATE_AFTER="1s")
    here.run("create", "spring", "--template", "letter", "--list", "people", "--replace")
    here.run("send", "spring", "--yes", "--transport", "relay", "--at", "tomorrow 09:00")
    with closing(sqlite3.connect(here.folder / "mergecast.db")) as store, store:  # as if tomorrow had come
        store.execute("UPDATE campaigns SET starts_at = (strftime('%s') - 5) * 1000000 WHERE name = 'spring'")
    assert_trouble(here, "no worker is running")
    here.run("run", "--until-idle")
    assert (state_of(here), server.mails) == ("paused", [])
    assert_trouble(here, "could not start in time")
    here.run("resume", "spring")
    here.run("run", "--until-idle")
    assert len(server.mails) == 3
    here.run("status")


def assert_trouble(here: CommandLine, words: str) -> None:
    """`status` ends with 1 and says why, to people and to programs."""
    told = here.json("status", status=1)
    assert mistakes(told, STATUS) == []
    assert any(words in sentence for campaign in told["campaigns"] for sentence in campaign["trouble"]), told
    assert words in here.run("status", status=1).out


def test_status_is_1_when_mail_is_due_and_nobody_sends(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace()
    queue(here)
    assert_trouble(here, "no worker is running")


def test_status_is_1_when_a_server_cannot_be_reached_and_nothing_is_lost(
    workspace: Workspace, server: SmtpServer, unused_tcp_port: int
) -> None:
    here = workspace(port=unused_tcp_port)
    queue(here)
    with here.running("run") as worker:
        until(lambda: worker.has_said("transport.failing"))
        until(lambda: "No connection to 127.0.0.1" in doing(here))
        assert_trouble(here, "No connection to 127.0.0.1")
        worker.terminate()
    assert here.json("report", "spring")["messages"]["queued"] == 3
    assert asked(here.folder / "mergecast.db", "SELECT count(*) FROM attempts") == [(0,)]


def test_a_wrong_password_pauses_its_own_campaigns_only_and_burns_no_attempt(
    workspace: Workspace, server: SmtpServer, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(SmtpServer(tls=context, users={"mill": PASSWORD})) as secured:
        here = workspace(
            f'[transports.safe]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {secured.port}\nuser = "mill"\n'
            f'ca_file = "{tmp_path / "ca.pem"}"\n',
            MERGECAST_TRANSPORTS__SAFE__PASSWORD="wrong-" + PASSWORD,
        )
        queue(here, "spring", transport="safe")
        queue(here, "crowd", transport="local")
        ran = here.run("run", "--until-idle")
        assert (state_of(here, "spring"), state_of(here, "crowd")) == ("paused", "finished")
        assert_trouble(here, "password, key or certificate is wrong")
        assert asked(here.folder / "mergecast.db", "SELECT count(*) FROM attempts") == [(0,)]
        good = CommandLine(here.folder, {"MERGECAST_TRANSPORTS__SAFE__PASSWORD": PASSWORD})
        assert {c["name"]: c["state"] for c in good.json("doctor")["checks"]}["safe"] == "good"
        good.run("resume", "spring")
        ran = good.run("run", "--until-idle")
        assert len(secured.mails) == 3
    assert PASSWORD not in ran.out + ran.err
    assert all(PASSWORD.encode() not in path.read_bytes() for path in here.folder.rglob("*") if path.is_file())


def test_a_refused_sender_pauses_with_the_servers_words(workspace: Workspace, server: SmtpServer) -> None:
    server.answer = lambda command, argument: "553 5.7.1 Not your address" if command == "MAIL" else None
    here = workspace()
    queue(here)
    here.run("run", "--until-idle")
    assert state_of(here) == "paused"
    assert_trouble(here, "Not your address")
    assert here.json("report", "spring")["messages"]["queued"] == 3


def test_a_transport_that_was_taken_out_of_the_settings_pauses(workspace: Workspace, server: SmtpServer) -> None:
    here = workspace()
    queue(here)
    settings = (here.folder / "mergecast.toml").read_text(encoding="utf-8")
    (here.folder / "mergecast.toml").write_text(settings.partition("[transports.relay]")[0], encoding="utf-8")
    here.run("run", "--until-idle")
    assert_trouble(here, "relay")


SHM = Path("/dev/shm")


@pytest.mark.skipif(
    not SHM.is_dir() or not 2**27 < shutil.disk_usage(SHM).free < 2**30 or not os.access(SHM, os.W_OK),
    reason="needs a file system with 128 MB to 1 GB free, and /dev/shm is none",
)
def test_status_is_1_when_the_disk_fills_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = SHM / f"mergecast-{os.getpid()}"
    try:
        here = prepared(tmp_path_factory, folder)
        here.run("send", "spring", "--yes", "--at", "tomorrow 09:00")
        assert_trouble(here, "MB left")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
