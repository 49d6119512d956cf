"""A mail server that hangs up at every octet of the dialogue, of what it says and of what it hears.

Each cut is a campaign of its own, with a server and a transport of its own; one worker carries them all. The cut comes
once, on the first connection; after it the server is well.
"""

import asyncio
import contextlib
import re
import ssl
from collections import Counter
from pathlib import Path

import pytest
import trustme
import uvloop

from campaigns.clock import SystemClock
from campaigns.model.states import CampaignState, MessageState
from campaigns.store import tables
from campaigns.store.engine import Store
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_session import SmtpSettings, Timeouts
from scheduler.worker import Way, Worker
from tests.crash.ground import rows
from tests.doubles.filled_store import add_campaign, address_of
from tests.doubles.patience import patience
from tests.doubles.smtp_server import SmtpServer

PLAIN = ("8BITMIME",)
PIPELINING = ("PIPELINING", "8BITMIME")
USERS = {"ada": "p4ssword"}
QUICK = Timeouts(connect=20, handshake=20, command=20, data=20, block=20, final_dot=20, rest=5, goodbye=0.2)
AT_ONCE = 60  # cuts that one worker carries
A, U = MessageState.ACCEPTED, MessageState.UNCERTAIN


pytestmark = [pytest.mark.usefixtures("short_rests"), pytest.mark.timeout(600)]  # how long it may take: `carry`


@pytest.mark.parametrize(
    ("offers", "mails"), [(PIPELINING, 1), (PIPELINING, 3), (PLAIN, 1)], ids=["one", "three", "one, plain"]
)
def test_replies_cut_at_every_octet(store: Store, offers: tuple[str, ...], mails: int) -> None:
    (server,) = play(store, [SmtpServer(offers=offers)], mails)
    servers = [SmtpServer(offers=offers, cut_after=cut) for cut in range(server.said + 1)]
    assert not any(server.faults for server in play(store, servers, mails))
    assert any(server.connections > 1 for server in servers)


@pytest.mark.parametrize("offers", [PIPELINING, PLAIN], ids=["pipelining", "plain"])
def test_what_is_heard_cut_at_every_octet(store: Store, offers: tuple[str, ...]) -> None:
    (server,) = play(store, [SmtpServer(offers=offers)], 2)
    cuts = places(b"".join(server.packets))
    servers = play(store, [SmtpServer(offers=offers, cut_when_heard=cut) for cut in cuts], 2)
    assert not any(server.faults for server in servers)


def test_an_encrypted_dialogue_with_a_login_cut_at_every_octet(store: Store, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    settings = {"tls": "starttls", "user": "ada", "password": USERS["ada"], "ca_file": tmp_path / "ca.pem"}
    (server,) = play(store, [SmtpServer(tls=context, users=USERS)], 1, **settings)
    servers = [SmtpServer(tls=context, users=USERS, cut_after=cut) for cut in range(server.said + 1)]
    assert not any(server.faults for server in play(store, servers, 1, **settings))


def places(heard: bytes) -> list[int]:
    """Every octet of the commands, and of each mail's beginning and end; between those, where all are alike, some."""
    inside: set[int] = set()
    for mail in re.finditer(rb"(?s)DATA\r\n(.*?\r\n)\.\r\n", heard):
        inside.update(range(mail.start(1) + 5, mail.end(1) - 20))
    return [place for place in range(len(heard) + 1) if place not in inside or place % 41 == 0]


def play(
    store: Store, servers: list[SmtpServer], mails: int, *, timeouts: Timeouts = QUICK, **settings: object
) -> list[SmtpServer]:
    """Send a campaign through each server, and judge what became of it."""
    for number, start in enumerate(range(0, len(servers), AT_ONCE)):
        some = servers[start : start + AT_ONCE]
        ids = [fill(store, mails, f"{len(rows(store, tables.campaigns))}") for _ in some]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop if number % 2 else None) as runner:
            runner.run(carry(store, dict(zip(ids, some, strict=True)), timeouts, settings))
        judge(store, dict(zip(ids, some, strict=True)), mails)
    return servers


def fill(store: Store, mails: int, name: str) -> int:
    return add_campaign(store, name, mails, transport=f"relay{name}")


async def carry(store: Store, servers: dict[int, SmtpServer], timeouts: Timeouts, settings: dict[str, object]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        ways = []
        for campaign_id, server in servers.items():
            await stack.enter_async_context(server)
            name = f"relay{campaign_id - 1}"
            given = {"tls": "none", "connections": 1, **settings}
            ways.append(Way(SmtpTransport(SmtpSettings(name, ("127.0.0.1",), server.port, **given), timeouts)))
        worker = Worker(store, ways, clock=SystemClock(), version="test", folder=Path.cwd())
        async with patience(60):
            await worker.run(until_idle=True)


def judge(store: Store, servers: dict[int, SmtpServer], mails: int) -> None:
    states: dict[int, dict[str, MessageState]] = {campaign_id: {} for campaign_id in servers}
    for row in rows(store, tables.messages):
        if row.campaign_id in servers:
            to = address_of(row.campaign_id, row.recipient_id - row.campaign_id * 1_000_000)
            states[row.campaign_id][to] = MessageState(row.state)
    campaigns = {row.id: row.state for row in rows(store, tables.campaigns)}
    for campaign_id, server in servers.items():
        where = f"cut after {server.cut_after} octets said, {server.cut_when_heard} heard: {server.commands}"
        got = Counter(to for mail in server.mails for to in mail.rcpt_to)
        ended = states[campaign_id]
        assert len(ended) == mails
        assert set(got.values()) <= {1}, where  # never twice
        assert {to for to, state in ended.items() if state is A} <= set(got), where  # never without the server
        assert set(got) <= {to for to, state in ended.items() if state in (A, U)}, where
        assert sum(state is U for state in ended.values()) <= 1, where  # one connection, one cut
        assert set(ended.values()) <= {A, U}, where  # the others left when the server was well again
        assert campaigns[campaign_id] == CampaignState.FINISHED, where
