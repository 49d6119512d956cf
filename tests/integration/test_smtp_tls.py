"""SMTP through TLS with a login: against aiosmtpd, Postfix's smtp-sink, and a server that means harm."""

import asyncio
import gc
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from campaigns.message.fill import html_body, subject, text
from campaigns.message.message import Envelope, Message, Sender
from campaigns.message.mime import to_bytes
from campaigns.message.shape import Escape, Hole, Shape
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_connection import SmtpConnection
from scheduler.transports.smtp_session import SmtpSettings, Timeouts
from tests.doubles.smtp_server import SmtpServer
from tests.doubles.stepping import stepped

SENDER = Sender(1, "Advent", True, "Ada Lovelace", "ada@example.com", "", "https://mail.example.org")
SHAPE = Shape(
    ("Grüße, ", Hole(0, Escape.PLAIN)), ("Dear ", Hole(0, Escape.PLAIN), "\n."), ("<p>", Hole(0, Escape.HTML))
)
QUICK = Timeouts(connect=5, handshake=5, command=2, data=2, block=2, final_dot=2, rest=5, goodbye=1)
USERS = {"ada": "p4ssw örd"}


def message(number: int) -> Message:
    token = number.to_bytes(8, "big")
    to = f"p{number}@example.org"
    return Message(number, token, SENDER, 1, SHAPE, to, (f"Zoë <{number}>",), datetime(2026, 12, 1, tzinfo=UTC))


async def send(connection: SmtpConnection, *numbers: int) -> list[Outcome]:
    return await send_all(connection, [message(number) for number in numbers])


async def send_all(connection: SmtpConnection, messages: Sequence[Message]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    envelopes = [Envelope(one.id, SENDER.address, one.to) for one in messages]
    for one, envelope, then in zip(messages, envelopes, (*envelopes[1:], None), strict=True):
        refusal = await connection.prepare(envelope)
        outcomes.append(refusal or await stepped(connection, one, then))
    await connection.close()
    return outcomes


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(autouse=True)
def no_socket_left_open() -> Iterator[None]:
    yield
    gc.collect()


def certified(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def relay(port: int, ca_file: Path | None, **settings: Any) -> SmtpTransport:
    given = {"tls": "starttls", "user": "ada", "password": USERS["ada"], **settings}
    return SmtpTransport(SmtpSettings("relay", ("127.0.0.1",), port, ca_file=ca_file, **given), QUICK)


class Keeper:
    """aiosmtpd's handler and authenticator: keeps mails, knows one user."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.mechanisms: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 2.0.0 Ok: queued as A1"

    def __call__(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.mechanisms.append(mechanism)
        return AuthResult(success=data.password.decode() == USERS.get(data.login.decode()))


@asynccontextmanager
async def aiosmtpd_server(keeper: Keeper, **options: Any) -> AsyncIterator[int]:
    implicit = options.pop("ssl", None)

    def serve() -> SMTP:
        return SMTP(keeper, authenticator=keeper, hostname="mail.example.net", **options)

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0, ssl=implicit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("excluded", [[], ["PLAIN"]])
async def test_aiosmtpd_gets_each_mail_after_starttls_and_login(
    authority: trustme.CA, ca_file: Path, excluded: list[str]
) -> None:
    keeper = Keeper()
    options = {"tls_context": certified(authority), "require_starttls": True, "auth_required": True}
    async with aiosmtpd_server(keeper, auth_exclude_mechanism=excluded, **options) as port:
        outcomes = await send(relay(port, ca_file).connect(), 1, 2)
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * 2
    assert keeper.mechanisms == ["LOGIN" if excluded else "PLAIN"]
    assert [kept.rcpt_tos for kept in keeper.mails] == [["p1@example.org"], ["p2@example.org"]]
    for kept, one in zip(keeper.mails, (message(1), message(2)), strict=True):
        got = message_from_bytes(kept.content, policy=default)
        plain, html = got.get_body(("plain",)), got.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert (str(got["Subject"]), plain.get_content().replace("\r\n", "\n"), html.get_content()) == (
            subject(one),
            text(one),
            html_body(one),
        )


async def test_implicit_tls(authority: trustme.CA, ca_file: Path) -> None:
    async with SmtpServer(tls=certified(authority), implicit_tls=True, users=USERS) as server:
        outcomes = await send(relay(server.port, ca_file, tls="implicit").connect(), 1, 2, 3)
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * 3
    assert server.faults == []


LARGE = Shape(("Large",), ("Dear ", Hole(0, Escape.PLAIN), ",\n", "tall tales\n" * 30_000), ("<p>",))


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_large_mails_go_out_whole_whether_or_not_the_socket_takes_them_at_once(
    authority: trustme.CA, ca_file: Path, tls: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    messages = [message(number)._replace(shape=LARGE, shape_id=2) for number in (1, 2, 3)]

    async def play() -> list[bytes]:
        offers = ("PIPELINING", "8BITMIME")
        async with SmtpServer(offers, certified(authority), tls == "implicit", USERS) as server:
            outcomes = await asyncio.wait_for(send_all(relay(server.port, ca_file, tls=tls).connect(), messages), 20)
        assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * 3
        return [kept.data for kept in server.mails]

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(play()) == [to_bytes(one) for one in messages]


async def test_pipelining_goes_through_starttls(authority: trustme.CA, ca_file: Path) -> None:
    async with SmtpServer(tls=certified(authority), users=USERS) as server:
        outcomes = await send(relay(server.port, ca_file).connect(), 1, 2, 3)
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * 3
    assert [kept.rcpt_to for kept in server.mails] == [["p1@example.org"], ["p2@example.org"], ["p3@example.org"]]
    assert server.faults == []


async def test_a_password_too_long_for_a_command_waits_for_the_challenge(authority: trustme.CA, ca_file: Path) -> None:
    long = "x" * 600
    async with SmtpServer(tls=certified(authority), users={"ada": long}) as server:
        (outcome,) = await send(relay(server.port, ca_file, password=long).connect(), 1)
    assert outcome.verdict is Verdict.ACCEPTED
    assert "AUTH PLAIN" in server.commands
    assert server.faults == []


async def test_what_was_said_before_encryption_is_forgotten(authority: trustme.CA, ca_file: Path) -> None:
    """The injection of CVE-2011-0411 turned round: words that someone slips in after the 220 must not count."""
    evil = b"250-mail.example.net\r\n250 AUTH LOGIN XEVIL\r\n535 5.7.8 No\r\n"
    async with SmtpServer(tls=certified(authority), users=USERS, words_before_tls=evil) as server:
        (outcome,) = await send(relay(server.port, ca_file).connect(), 1)
    assert outcome.verdict is Verdict.ACCEPTED
    assert any(command.startswith("AUTH PLAIN") for command in server.commands)
    assert [command[:4] for command in server.commands].count("EHLO") == 2


def blamed(outcome: Outcome) -> tuple[Any, ...]:
    return (outcome.verdict, outcome.blame, outcome.stage, outcome.pauses)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_of_a_stranger_pauses(authority: trustme.CA, tls: str) -> None:
    async with SmtpServer(tls=certified(authority), implicit_tls=tls == "implicit", users=USERS) as server:
        (outcome,) = await send(relay(server.port, None, tls=tls).connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.TLS, True)
    assert "not to be trusted" in outcome.text
    assert not any(command.startswith("AUTH") for command in server.commands)


async def test_a_certificate_for_another_name_pauses(authority: trustme.CA, ca_file: Path) -> None:
    async with SmtpServer(tls=certified(authority, "mail.example.com"), users=USERS) as server:
        (outcome,) = await send(relay(server.port, ca_file).connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.TLS, True)


async def test_a_wrong_password_pauses_and_is_not_repeated(authority: trustme.CA, ca_file: Path) -> None:
    def answer(command: str, argument: str) -> str | None:
        return f"535 5.7.8 No such login: {server.commands[-1].split()[-1]} (wr0ng)" if command == "AUTH" else None

    async with SmtpServer(tls=certified(authority), users=USERS, answer=answer) as server:
        (outcome,) = await send(relay(server.port, ca_file, password="wr0ng").connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.AUTH, True)
    assert outcome.text == "5.7.8 No such login: *** (***)"


async def test_an_account_without_credits_pauses(authority: trustme.CA, ca_file: Path) -> None:
    def answer(command: str, argument: str) -> str | None:
        return "451 Authentication failed: Maximum credits exceeded" if command == "AUTH" else None

    async with SmtpServer(tls=certified(authority), users=USERS, answer=answer) as server:
        (outcome,) = await send(relay(server.port, ca_file).connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.AUTH, True)


async def test_a_server_without_a_login_that_we_know_pauses(authority: trustme.CA, ca_file: Path) -> None:
    async with SmtpServer(tls=certified(authority), offers=("AUTH GSSAPI",)) as server:
        (outcome,) = await send(relay(server.port, ca_file).connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.AUTH, True)


async def test_implicit_tls_on_a_plain_port_says_what_to_try() -> None:
    async with SmtpServer() as server:
        (outcome,) = await send(relay(server.port, None, tls="implicit").connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.TLS, True)
    assert 'Try tls = "starttls".' in outcome.text


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_cannot_be_used_pauses(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "ca.pem").write_text(content)
    (outcome,) = await send(relay(1, tmp_path / "ca.pem").connect(), 1)
    assert blamed(outcome) == (Verdict.RETURNED, Blame.US, Stage.TLS, True)
    assert str(tmp_path / "ca.pem") in outcome.text


async def test_a_cut_during_the_handshake_is_an_outage(ca_file: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"250-x\r\n250 STARTTLS\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"220 go\r\n")
        await reader.read(10)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    (outcome,) = await send(relay(server.sockets[0].getsockname()[1], ca_file).connect(), 1)
    server.close()
    await server.wait_closed()
    assert blamed(outcome) == (Verdict.RETURNED, Blame.OUTAGE, Stage.TLS, False)


async def test_a_cut_anywhere_inside_tls_is_told_apart(authority: trustme.CA, ca_file: Path) -> None:
    tls = certified(authority)
    async with SmtpServer(tls=tls, users=USERS) as server:
        await send(relay(server.port, ca_file).connect(), 1, 2)
    for cut_after in range(0, server.said, 17):
        async with SmtpServer(tls=tls, users=USERS, cut_after=cut_after) as cut:
            outcomes = await send(relay(cut.port, ca_file).connect(), 1, 2)
        accepted = [kept.rcpt_to[0] for kept in cut.mails]
        for one, outcome in zip((message(1), message(2)), outcomes, strict=True):
            assert outcome.verdict in (Verdict.ACCEPTED, Verdict.RETURNED, Verdict.UNCERTAIN)
            assert outcome.verdict is not Verdict.ACCEPTED or one.to in accepted
            assert outcome.verdict is not Verdict.RETURNED or one.to not in accepted


@pytest.mark.skipif(shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/bin") is None, reason="no Postfix")
async def test_postfix_takes_every_mail_of_many_connections(tmp_path: Path, unused_tcp_port: int) -> None:
    sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    process = await asyncio.create_subprocess_exec(str(sink), "-u", "nobody", f"127.0.0.1:{unused_tcp_port}", "100")
    try:
        transport = SmtpTransport(SmtpSettings("sink", ("127.0.0.1",), unused_tcp_port, "none"), QUICK)
        for _ in range(100):
            refusal = await transport.connect().prepare(Envelope(1, SENDER.address, "p@example.org"))
            if refusal is None:
                break
            await asyncio.sleep(0.02)
        runs = [send(transport.connect(), *range(start, start + 50)) for start in range(0, 400, 50)]
        outcomes = [one for run in await asyncio.gather(*runs) for one in run]
    finally:
        process.kill()
        await process.wait()
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * 400
