"""The dialogue with all kinds of servers, over loopback sockets."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.message.message import Envelope, Message, Sender
from campaigns.message.mime import to_bytes
from campaigns.message.shape import Escape, Hole, Shape
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_connection import SmtpConnection
from scheduler.transports.smtp_session import SmtpSettings, Timeouts
from tests.doubles.smtp_server import CUT, SILENCE, SmtpServer
from tests.doubles.stepping import stepped

SENDER = Sender(1, "Advent", True, "Ada", "ada@example.com")
NAME, BODY = 0, 1
SHAPE = Shape(
    ("Hello ", Hole(NAME, Escape.PLAIN)),
    (".Dear ", Hole(NAME, Escape.PLAIN), "\n.\nbye ", Hole(BODY, Escape.PLAIN)),
    ("<p>", Hole(NAME, Escape.HTML), Hole(BODY, Escape.HTML)),
)
QUICK = Timeouts(connect=2, handshake=2, command=0.2, data=0.2, block=0.2, final_dot=0.2, rest=5, goodbye=0.5)
PLAIN = ("SIZE 1000000", "8BITMIME")


def message(number: int, name: str = "Bob", to: str = "", body: str = "") -> Message:
    token = number.to_bytes(8, "big")
    to = to or f"person{number}@example.org"
    return Message(number, token, SENDER, 1, SHAPE, to, (name, body), datetime(2026, 12, 1, tzinfo=UTC))


def envelope(one: Message) -> Envelope:
    return Envelope(one.id, one.sender.address, one.to)


def transport(server: SmtpServer, timeouts: Timeouts = QUICK, **settings: Any) -> SmtpTransport:
    return SmtpTransport(SmtpSettings("relay", ("127.0.0.1",), server.port, **{"tls": "none", **settings}), timeouts)


async def send(connection: SmtpConnection, messages: list[Message], *, ahead: bool = True) -> list[Outcome]:
    """As the dispatcher does: what `prepare` refuses is not handed over."""
    outcomes = []
    for place, one in enumerate(messages):
        refusal = await connection.prepare(envelope(one))
        if refusal is not None:
            outcomes.append(refusal)
            continue
        then = envelope(messages[place + 1]) if ahead and place + 1 < len(messages) else None
        outcomes.append(await stepped(connection, one, then))
    return outcomes


def verdicts(outcomes: list[Outcome]) -> list[str]:
    return [str(outcome.verdict) for outcome in outcomes]


Serve = Callable[..., Any]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start servers; none of them may have had to complain."""
    servers: list[SmtpServer] = []

    async def start(**options: Any) -> SmtpServer:
        server = SmtpServer(**options)
        await server.__aenter__()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.__aexit__(None, None, None)
    gc.collect()  # a socket left open is a warning, and a warning fails
    for server in servers:
        assert server.faults == []


def replies(**said: str) -> Callable[[str, str], str | None]:
    """The server's own words for commands: `replies(RCPT="550 No")`."""
    return lambda command, argument: said.get(command)


# ---------------------------------------------------------------- the round trip


async def test_a_mail_arrives_as_it_was_assembled(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    (outcome,) = await send(connection, [message(1)])
    await connection.close()
    assert (outcome.verdict, outcome.code, outcome.enhanced, outcome.remote_id) == (
        Verdict.ACCEPTED,
        "250",
        "2.0.0",
        "4XABC",
    )
    (kept,) = server.mails
    assert (kept.mail_from, kept.rcpt_to) == ("ada@example.com", ["person1@example.org"])
    assert kept.data == to_bytes(message(1))


async def test_with_pipelining_a_mail_and_the_next_envelope_leave_together(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(n) for n in (1, 2, 3)])) == ["accepted"] * 3
    await connection.close()
    assert [kept.rcpt_to for kept in server.mails] == [[f"person{n}@example.org"] for n in (1, 2, 3)]
    assert server.packets[1] == b"MAIL FROM:<ada@example.com>\r\nRCPT TO:<person1@example.org>\r\nDATA\r\n"
    assert server.packets[2].endswith(
        b"\r\n.\r\nMAIL FROM:<ada@example.com>\r\nRCPT TO:<person2@example.org>\r\nDATA\r\n"
    )
    assert len(server.packets) == 6  # EHLO, first envelope, two mails with the next, one without, QUIT


async def test_without_pipelining_each_command_waits_for_its_answer(serve: Serve) -> None:
    server = await serve(offers=PLAIN)
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(1), message(2)])) == ["accepted"] * 2
    await connection.close()
    assert server.commands[1:] == [
        *("MAIL FROM:<ada@example.com>", "RCPT TO:<person1@example.org>", "DATA"),
        *("MAIL FROM:<ada@example.com>", "RCPT TO:<person2@example.org>", "DATA"),
        "QUIT",
    ]


async def test_a_server_that_knows_no_ehlo_gets_helo(serve: Serve) -> None:
    server = await serve(answer=replies(EHLO="502 5.5.2 What?"))
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(1)])) == ["accepted"]
    await connection.close()
    assert server.commands[1].startswith("HELO ")


async def test_many_connections_share_a_transport(serve: Serve) -> None:
    server = await serve()
    relay = transport(server)
    connections = [relay.connect() for _ in range(5)]
    batches = [[message(10 * n + k) for k in range(10)] for n in range(5)]
    await asyncio.gather(*[send(one, batch) for one, batch in zip(connections, batches, strict=True)])
    await asyncio.gather(*[one.close() for one in connections])
    assert sorted(kept.rcpt_to[0] for kept in server.mails) == sorted(one.to for batch in batches for one in batch)


# ---------------------------------------------------------------- refusals inside a group


def unknown_two(command: str, argument: str) -> str | None:
    return "550 5.1.1 No such user" if command == "RCPT" and argument == "person2@example.org" else None


@pytest.mark.parametrize("offers", [PLAIN, (*PLAIN, "PIPELINING")])
async def test_a_refused_recipient_is_rejected_and_the_next_goes_on(serve: Serve, offers: tuple[str, ...]) -> None:
    server = await serve(offers=offers, answer=unknown_two)
    connection = transport(server).connect()
    outcomes = await send(connection, [message(n) for n in (1, 2, 3)])
    await connection.close()
    assert verdicts(outcomes) == ["accepted", "rejected", "accepted"]
    assert (outcomes[1].stage, outcomes[1].blame, outcomes[1].text) == (
        Stage.RCPT,
        Blame.RECIPIENT,
        "5.1.1 No such user",
    )
    assert server.connections == 1
    assert "RSET" in server.commands


async def test_after_a_refused_recipient_with_a_354_a_lone_dot_reaches_nobody(serve: Serve) -> None:
    server = await serve(answer=unknown_two, data_without_recipients=True)
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(n) for n in (1, 2, 3)])) == ["accepted", "rejected", "accepted"]
    await connection.close()
    assert [kept.rcpt_to for kept in server.mails] == [["person1@example.org"], ["person3@example.org"]]
    assert server.connections == 1


async def test_a_refused_sender_with_an_accepted_recipient_ends_the_connection(serve: Serve) -> None:
    def answer(command: str, argument: str) -> str | None:
        return {"MAIL": "550 5.7.1 No", "RCPT": "250 Ok", "DATA": "354 Go"}.get(command)

    server = await serve(answer=answer, data_without_recipients=True)
    connection = transport(server).connect()
    (outcome,) = await send(connection, [message(1)])
    await connection.close()
    assert (outcome.verdict, outcome.blame, outcome.pauses) == (Verdict.RETURNED, Blame.US, True)
    assert server.mails == []
    assert server.packets[-1].endswith(b"DATA\r\n"), "a lone dot would have sent an empty mail"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"MAIL": "550 5.7.1 No"}, (Verdict.RETURNED, Blame.US, Stage.MAIL, True)),
        ({"MAIL": "451 4.3.0 Later"}, (Verdict.RETURNED, Blame.OUTAGE, Stage.MAIL, False)),
        ({"RCPT": "450 4.2.0 Greylisted"}, (Verdict.DEFERRED, Blame.RECIPIENT, Stage.RCPT, False)),
        ({"RCPT": "554 5.7.1 Relaying denied"}, (Verdict.RETURNED, Blame.US, Stage.RCPT, False)),
        ({"DATA": "554 5.5.1 No"}, (Verdict.RETURNED, Blame.US, Stage.DATA, False)),
        ({"DATA": "250 What?"}, (Verdict.RETURNED, Blame.OUTAGE, Stage.DATA, False)),
        ({".": "451 4.3.0 Later"}, (Verdict.DEFERRED, Blame.RECIPIENT, Stage.BODY, False)),
        ({".": "554 5.6.0 Bad"}, (Verdict.RETURNED, Blame.US, Stage.BODY, False)),
        ({".": "421 4.3.2 Shutting down"}, (Verdict.RETURNED, Blame.OUTAGE, Stage.BODY, False)),
        ({".": "354 Go on"}, (Verdict.UNCERTAIN, Blame.OUTAGE, Stage.BODY, False)),
        ({".": "nonsense"}, (Verdict.UNCERTAIN, Blame.OUTAGE, Stage.BODY, False)),
        ({"CONNECT": "554 5.7.1 Blocked"}, (Verdict.RETURNED, Blame.US, Stage.CONNECT, False)),
        ({"CONNECT": "421 4.7.0 Too many"}, (Verdict.RETURNED, Blame.OUTAGE, Stage.CONNECT, False)),
        ({"CONNECT": "SSH-2.0-OpenSSH_9.9"}, (Verdict.RETURNED, Blame.OUTAGE, Stage.CONNECT, False)),
        ({"CONNECT": "220-" + "x" * 100_000}, (Verdict.RETURNED, Blame.OUTAGE, Stage.CONNECT, False)),
        ({"MAIL": "421 4.7.0 Go away"}, (Verdict.RETURNED, Blame.OUTAGE, Stage.MAIL, False)),
        ({"MAIL": CUT}, (Verdict.RETURNED, Blame.OUTAGE, Stage.MAIL, False)),
        ({"RCPT": CUT}, (Verdict.RETURNED, Blame.OUTAGE, Stage.RCPT, False)),
        ({"DATA": CUT}, (Verdict.RETURNED, Blame.OUTAGE, Stage.DATA, False)),
        ({".": CUT}, (Verdict.UNCERTAIN, Blame.OUTAGE, Stage.BODY, False)),
        ({"CONNECT": SILENCE}, (Verdict.RETURNED, Blame.OUTAGE, Stage.CONNECT, False)),
        ({"EHLO": SILENCE}, (Verdict.RETURNED, Blame.OUTAGE, Stage.CONNECT, False)),
        ({"DATA": SILENCE}, (Verdict.RETURNED, Blame.OUTAGE, Stage.DATA, False)),
        ({".": SILENCE}, (Verdict.UNCERTAIN, Blame.OUTAGE, Stage.BODY, False)),
    ],
)
@pytest.mark.parametrize("offers", [PLAIN, (*PLAIN, "PIPELINING")])
async def test_every_answer_at_every_stage_is_an_outcome(
    serve: Serve, offers: tuple[str, ...], said: dict[str, str], expected: tuple[Any, ...]
) -> None:
    server = await serve(offers=offers, answer=replies(**said))
    connection = transport(server).connect()
    (outcome,) = await send(connection, [message(1)])
    await connection.close()
    assert (outcome.verdict, outcome.blame, outcome.stage, outcome.pauses) == expected
    assert outcome.text
    assert server.mails == []


async def test_after_a_bad_end_the_connection_is_opened_again(serve: Serve) -> None:
    def answer(command: str, argument: str) -> str | None:
        return CUT if command == "." and argument == "person1@example.org" else None

    server = await serve(answer=answer)
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(n) for n in (1, 2, 3)])) == ["uncertain", "accepted", "accepted"]
    await connection.close()
    assert server.connections == 2


async def test_a_421_on_a_kept_connection_costs_nobody_anything(serve: Serve) -> None:
    def answer(command: str, argument: str) -> str | None:
        late = command == "MAIL" and server.connections == 1 and len(server.mails) == 2
        return "421 4.7.0 Too many messages on this connection" if late else None

    server = await serve(answer=answer)
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(n) for n in range(1, 6)])) == ["accepted"] * 5
    await connection.close()
    assert server.connections == 2


async def test_a_host_that_complains_of_pipelining_goes_on_without_it(serve: Serve) -> None:
    def answer(command: str, argument: str) -> str | None:
        return "554 SMTP synchronization error" if command == "RCPT" and server.packets[-1].count(b"\r\n") > 1 else None

    server = await serve(answer=answer)
    relay = transport(server)
    connection = relay.connect()
    assert verdicts(await send(connection, [message(1), message(2)])) == ["accepted"] * 2
    await connection.close()
    assert relay.pipelines is False
    assert server.packets[-2].endswith(b"\r\n.\r\n")


async def test_a_complaint_after_the_mail_brings_it_back(serve: Serve) -> None:
    def answer(command: str, argument: str) -> str | None:
        return (
            "503 5.5.0 Improper use of SMTP command pipelining"
            if command == "." and b"\r\n.\r\nMAIL" in server.packets[-1]
            else None
        )

    server = await serve(answer=answer)
    connection = transport(server).connect()
    outcomes = await send(connection, [message(1), message(2)])
    await connection.close()
    assert verdicts(outcomes) == ["returned", "accepted"]
    assert (outcomes[0].blame, outcomes[0].pauses) == (Blame.OUTAGE, False)


# ---------------------------------------------------------------- cut anywhere


async def test_a_cut_after_any_octet_of_the_answers_is_told_apart(serve: Serve) -> None:
    """What was answered counts, what was not handed over returns, and only a mail without an answer is uncertain."""
    whole = await serve()
    connection = transport(whole).connect()
    await send(connection, [message(1), message(2)])
    total = whole.said
    await connection.close()
    for cut_after in range(total):
        server = await serve(cut_after=cut_after)
        connection = transport(server).connect()
        outcomes = await send(connection, [message(1), message(2)])
        await connection.close()
        accepted = [kept.rcpt_to[0] for kept in server.mails]
        assert len(accepted) == len(set(accepted)), "twice"
        for one, outcome in zip([message(1), message(2)], outcomes, strict=True):
            if outcome.verdict is Verdict.ACCEPTED:
                assert one.to in accepted
            elif outcome.verdict is Verdict.RETURNED:
                assert one.to not in accepted
                assert outcome.blame is Blame.OUTAGE
            else:
                assert outcome.verdict is Verdict.UNCERTAIN
        assert verdicts(outcomes).count("uncertain") <= 1


async def test_a_large_mail_that_is_cut_before_its_final_dot_was_not_handed_over() -> None:
    async def serve_and_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await reader.readuntil(b"\r\n")
        writer.write(b"250 x\r\n")
        for said in (b"250 x\r\n", b"250 x\r\n", b"354 x\r\n"):
            await reader.readuntil(b"\r\n")
            writer.write(said)
        await reader.readexactly(100_000)
        writer.transport.abort()

    server = await asyncio.start_server(serve_and_cut, "127.0.0.1", 0)
    relay = SmtpTransport(SmtpSettings("relay", ("127.0.0.1",), server.sockets[0].getsockname()[1], "none"), QUICK)
    connection = relay.connect()
    (outcome,) = await send(connection, [message(1, body="x" * 6_000_000)])
    await connection.close()
    server.close()
    await server.wait_closed()
    assert (outcome.verdict, outcome.blame, outcome.stage) == (Verdict.RETURNED, Blame.OUTAGE, Stage.DATA)


async def test_a_server_that_takes_no_data_is_left(serve: Serve) -> None:
    stop = asyncio.Event()

    async def serve_and_stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        for said in (b"250 x\r\n", b"250 x\r\n", b"250 x\r\n", b"354 x\r\n"):
            await reader.readuntil(b"\r\n")
            writer.write(said)
        await stop.wait()
        writer.transport.abort()

    server = await asyncio.start_server(serve_and_stall, "127.0.0.1", 0)
    relay = SmtpTransport(SmtpSettings("relay", ("127.0.0.1",), server.sockets[0].getsockname()[1], "none"), QUICK)
    connection = relay.connect()
    (outcome,) = await send(connection, [message(1, body="x" * 6_000_000)])
    await connection.close()
    stop.set()
    server.close()
    await server.wait_closed()
    assert (outcome.verdict, outcome.blame) == (Verdict.RETURNED, Blame.OUTAGE)
    assert outcome.text == "The server took no data for 0.2 s."


async def test_a_large_mail_arrives_whole_and_the_next_follows(serve: Serve) -> None:
    server = await serve(offers=("PIPELINING",))
    connection = transport(server, replace(QUICK, final_dot=5, block=5)).connect()
    messages = [message(1, body="long " * 200_000), message(2)]
    assert verdicts(await send(connection, messages)) == ["accepted"] * 2
    await connection.close()
    assert [kept.data for kept in server.mails] == [to_bytes(one) for one in messages]


async def test_nobody_listens() -> None:
    relay = SmtpTransport(SmtpSettings("relay", ("127.0.0.1",), 1, "none"), QUICK)
    connection = relay.connect()
    (outcome,) = await send(connection, [message(1)])
    assert (outcome.verdict, outcome.blame, outcome.stage) == (Verdict.RETURNED, Blame.OUTAGE, Stage.CONNECT)
    assert outcome.text.startswith("No connection to 127.0.0.1 port 1: ")


# ---------------------------------------------------------------- changed minds


async def test_abandoning_a_prepared_envelope_sends_nothing(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    assert await connection.prepare(envelope(message(1))) is None
    await connection.abandon()
    assert verdicts(await send(connection, [message(2)])) == ["accepted"]
    await connection.close()
    assert [kept.rcpt_to for kept in server.mails] == [["person2@example.org"]]


async def test_another_envelope_than_the_one_announced_gets_a_new_connection(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    assert await connection.prepare(envelope(message(1))) is None
    await stepped(connection, message(1), envelope(message(2)))
    assert verdicts(await send(connection, [message(3)])) == ["accepted"]
    await connection.close()
    assert [kept.rcpt_to[0] for kept in server.mails] == ["person1@example.org", "person3@example.org"]


async def test_a_mail_is_never_written_under_another_envelope(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    assert await connection.prepare(envelope(message(1))) is None
    outcome = await stepped(connection, message(2))
    await connection.close()
    assert outcome.verdict is Verdict.RETURNED
    assert server.mails == []


async def test_a_cancelled_hand_over_leaves_no_connection_behind(serve: Serve) -> None:
    server = await serve(answer=replies(**{".": SILENCE}))
    connection = transport(server, replace(QUICK, final_dot=60)).connect()
    assert await connection.prepare(envelope(message(1))) is None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stepped(connection, message(1), envelope(message(2))), 0.05)
    server.answer = lambda command, argument: None
    assert verdicts(await send(connection, [message(2)])) == ["accepted"]
    await connection.close()
    assert server.connections == 2


async def test_a_resting_connection_says_goodbye_and_is_opened_again(serve: Serve) -> None:
    server = await serve()
    connection = transport(server, replace(QUICK, rest=0.02)).connect()
    assert verdicts(await send(connection, [message(1)])) == ["accepted"]
    async with asyncio.timeout(2):
        await server.quitted.wait()
    assert verdicts(await send(connection, [message(2)])) == ["accepted"]
    await connection.close()
    assert server.connections == 2


async def test_a_connection_is_changed_after_so_many_mails(serve: Serve) -> None:
    server = await serve()
    connection = transport(server, messages_a_connection=2).connect()
    assert verdicts(await send(connection, [message(n) for n in range(1, 6)])) == ["accepted"] * 5
    await connection.close()
    assert server.connections == connection.opened == 3
    assert server.commands.count("QUIT") == 3


async def test_connections_are_spread_over_the_servers_and_go_round_one_that_is_away(serve: Serve) -> None:
    server = await serve()
    relay = SmtpTransport(SmtpSettings("relay", ("127.0.0.1", "127.0.0.2", "localhost"), server.port, "none"), QUICK)
    hosts = []
    for number in range(4):
        connection = relay.connect()
        assert verdicts(await send(connection, [message(number)])) == ["accepted"]
        hosts.append(connection.host)
        await connection.close()
    # Nobody listens on 127.0.0.2: its turn goes to the next, and from then on it comes last.
    assert hosts == ["127.0.0.1", "localhost", "localhost", "127.0.0.1"]


async def test_all_servers_away_is_one_outage(unused_tcp_port: int) -> None:
    relay = SmtpTransport(SmtpSettings("relay", ("127.0.0.1", "127.0.0.2"), unused_tcp_port, "none"), QUICK)
    (outcome,) = await send(relay.connect(), [message(1)])
    assert (outcome.verdict, outcome.blame) == (Verdict.RETURNED, Blame.OUTAGE)
    assert "127.0.0.1" in outcome.text


# ---------------------------------------------------------------- what may not leave


async def test_a_password_is_never_sent_in_clear(serve: Serve) -> None:
    server = await serve(users={"ada": "secret"})
    connection = transport(server, user="ada", password="secret").connect()
    (outcome,) = await send(connection, [message(1)])
    await connection.close()
    assert (outcome.verdict, outcome.blame, outcome.stage, outcome.pauses) == (
        Verdict.RETURNED,
        Blame.US,
        Stage.AUTH,
        True,
    )
    assert outcome.text.startswith("A password is never sent in clear.")
    assert server.connections == 0


async def test_a_server_without_starttls_is_refused_before_anything_is_said(serve: Serve) -> None:
    server = await serve()
    connection = transport(server, tls="starttls").connect()
    (outcome,) = await send(connection, [message(1)])
    await connection.close()
    assert (outcome.blame, outcome.stage, outcome.pauses) == (Blame.US, Stage.TLS, True)
    assert [command[:4] for command in server.commands] == ["EHLO"]


@pytest.mark.parametrize("to", ["a@example.org>\r\nDATA", "a b@example.org", "a>@example.org", "a@example.org\n"])
async def test_an_address_cannot_bring_a_command(serve: Serve, to: str) -> None:
    server = await serve()
    connection = transport(server).connect()
    outcomes = await send(connection, [message(1), message(2, to=to), message(3)])
    await connection.close()
    assert verdicts(outcomes) == ["accepted", "rejected", "accepted"]
    assert (outcomes[1].stage, outcomes[1].blame) == (Stage.RCPT, Blame.RECIPIENT)


async def test_an_address_with_foreign_letters_is_rejected_where_the_server_does_not_take_them(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    outcomes = await send(connection, [message(1, to="jürgen@example.org"), message(2)])
    await connection.close()
    assert verdicts(outcomes) == ["rejected", "accepted"]
    assert "SMTPUTF8" in outcomes[0].text


async def test_an_address_with_foreign_letters_goes_where_the_server_takes_them(serve: Serve) -> None:
    server = await serve(offers=("PIPELINING", "SMTPUTF8", "8BITMIME"))
    connection = transport(server).connect()
    assert verdicts(await send(connection, [message(1, to="jürgen@example.org"), message(2)])) == ["accepted"] * 2
    await connection.close()
    assert [(kept.rcpt_to[0], kept.parameters) for kept in server.mails] == [
        ("jürgen@example.org", ["SMTPUTF8", "BODY=8BITMIME"]),
        ("person2@example.org", []),
    ]


async def test_a_mail_larger_than_the_server_takes_is_not_sent(serve: Serve) -> None:
    server = await serve(offers=("PIPELINING", "SIZE 2000"))
    connection = transport(server).connect()
    outcomes = await send(connection, [message(1, body="x" * 3_000), message(2)])
    await connection.close()
    assert verdicts(outcomes) == ["returned", "accepted"]
    assert (outcomes[0].blame, outcomes[0].enhanced, outcomes[0].pauses) == (Blame.US, "5.3.4", False)
    assert re.fullmatch(r"The mail has [\d,]+ bytes, and the server takes 2,000\.", outcomes[0].text)
    assert [kept.rcpt_to[0] for kept in server.mails] == ["person2@example.org"]


async def test_values_cannot_end_a_mail_early(serve: Serve) -> None:
    server = await serve()
    connection = transport(server).connect()
    hostile = "x\r\n.\r\nMAIL FROM:<eve@example.com>\r\n\n.\nRCPT\r.\r"
    assert verdicts(await send(connection, [message(1, hostile), message(2)])) == ["accepted"] * 2
    await connection.close()
    assert [kept.data for kept in server.mails] == [to_bytes(message(1, hostile)), to_bytes(message(2))]


def test_the_password_is_in_no_repr() -> None:
    assert "secret" not in repr(SmtpSettings("relay", ("h",), 25, user="ada", password="secret"))
