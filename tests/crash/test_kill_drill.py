"""kill -9 of the worker, over and over: nobody gets two mails, nobody is lost, and what is uncertain says so."""

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from campaigns.message.message import handle
from campaigns.model.states import MessageState
from campaigns.store import tables
from tests.crash.ground import Ground, Taken, chance, drawn, handle_of, kill
from tests.doubles.command_line import until
from tests.doubles.sendgrid_double import KEY, SendgridDouble
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer
from tests.doubles.workspaces import LETTER, SENDER

ANSWERS_AFTER = 0.02  # seconds
RELAY = """
[sender]
from = "{sender}"
[transports.relay]
kind = "smtp"
host = "127.0.0.1"
port = {port}
tls = "{tls}"
user = "{user}"
connections = {connections}
"""


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "workspace")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Taken]:
    taken = Taken(tmp_path / "journal")
    yield taken
    taken.close()


def test_twenty_kills_in_five_thousand_mails_over_smtp(ground: Ground, taken: Taken) -> None:
    connections = 8
    with serving(SmtpServer(delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server, connections))
        ground.prepare(5_000)
        drill(ground, taken, drawn(chance(), 20, 50, 400, at_most=4_800), most=connections)
    assert not server.faults
    settled(ground, taken.close(), 5_000)

    told = ground.line.json("report", "fair")
    assert told["adds_up"]
    assert told["messages"]["accepted"] + told["messages"]["uncertain"] == 5_000
    assert ground.line.json("status", status=1)["campaigns"][0]["state"] == "finished"


def test_kills_over_smtp_without_pipelining(ground: Ground, taken: Taken) -> None:
    with serving(SmtpServer(offers=("8BITMIME",), delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        ground.settle(relay(server, 8))
        ground.fill(600)
        drill(ground, taken, drawn(chance(), 5, 20, 120, at_most=550), most=8)
    assert not server.faults
    settled(ground, taken.close(), 600)


def test_kills_over_smtp_with_tls_and_a_login(ground: Ground, taken: Taken, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    users = {"ada": "p4ssw örd"}
    with serving(SmtpServer(tls=context, users=users, delay=ANSWERS_AFTER, on_mail=taken.mail)) as server:
        more = f'ca_file = "{tmp_path / "ca.pem"}"\n'
        secrets = f'[transports.relay]\npassword = "{users["ada"]}"\n'
        ground.settle(relay(server, 8, tls="starttls", user="ada") + more, secrets)
        ground.fill(600)
        drill(ground, taken, drawn(chance(), 5, 20, 120, at_most=550), most=8)
    assert not server.faults
    settled(ground, taken.close(), 600)


def test_kills_over_sendgrid_leave_at_most_a_request_a_connection_uncertain(ground: Ground) -> None:
    batch, connections = 100, 4
    with serving(SendgridDouble(delay=ANSWERS_AFTER)) as double:
        toml = f'kind = "sendgrid"\nbase_url = "{double.url}"\nbatch = {batch}\nconnections = {connections}\n'
        ground.settle(f"[transports.cloud]\n{toml}", f'[transports.cloud]\napi_key = "{KEY}"\n')
        ground.fill(6_000, transport="cloud")
        for further in drawn(chance(), 6, 100, 1_000, at_most=5_000):
            kill_after(ground, lambda: len(double.mails), further, most=batch * connections)
        ground.finish()
    assert all(not mail.left_tags and not mail.ambiguous for mail in double.mails)
    got = [(mail.headers["Message-ID"], mail.to[0].email) for mail in double.mails]
    assert len(got) == len(set(got)) == len(dict(got)) == len({to for _, to in got})
    settled(ground, dict(got), 6_000)


def relay(server: SmtpServer, connections: int, tls: str = "none", user: str = "") -> str:
    return RELAY.format(sender=SENDER, port=server.port, tls=tls, user=user, connections=connections)


def drill(ground: Ground, taken: Taken, falls: list[int], *, most: int) -> None:
    began = time.monotonic()
    for further in falls:
        kill_after(ground, lambda: taken.count, further, most=most)
    ground.finish()
    print(f"{len(falls)} kills and {taken.count} mails in {time.monotonic() - began:.1f} s")


def kill_after(ground: Ground, count: Callable[[], int], further: int, *, most: int) -> None:
    """Start the worker, and kill it when the server has got so many further mails."""
    began, reached = time.monotonic(), count() + further
    uncertain = ground.count(MessageState.UNCERTAIN) + ground.count(MessageState.LEASED)
    with ground.worker() as running:
        until(lambda: count() >= reached, every=0.001)
        kill(running)
        recovered = [event for event in running.events if event["event"] == "messages.recovered"]
    leased = ground.count(MessageState.LEASED)
    assert leased <= most
    assert ground.count(MessageState.UNCERTAIN) == uncertain
    print(f"killed {time.monotonic() - began:.2f} s after its start, {count()} mails so far, {leased} leased; {recovered}")


def settled(ground: Ground, got: dict[str, str], people: int) -> None:
    """Everybody is accounted for: `got` is the recipient of each Message-ID, none of them twice."""
    states = {handle(row.id, row.token): MessageState(row.state) for row in ground.rows(tables.messages)}
    delivered = {handle_of(message_id) for message_id in got}
    accepted = {name for name, state in states.items() if state is MessageState.ACCEPTED}
    uncertain = {name for name, state in states.items() if state is MessageState.UNCERTAIN}
    assert len(states) == len(accepted) + len(uncertain) == people
    assert accepted <= delivered <= accepted | uncertain
    print(f"{len(accepted)} accepted, {len(uncertain)} uncertain, of which {len(uncertain & delivered)} arrived")
