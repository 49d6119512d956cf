"""The transport against the double, over real sockets."""

import asyncio
import contextlib
import json
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import trustme

from campaigns.message import fill
from campaigns.message.message import Envelope, Message, handle
from scheduler.transports import sendgrid
from scheduler.transports.contract import Blame, Connection, Outcome, Stage, Transport, Verdict
from scheduler.transports.sendgrid import SendgridSettings, SendgridTransport
from scheduler.transports.sendgrid_request import tag_key
from tests.doubles.sendgrid_double import KEY, SendgridDouble, Step
from tests.doubles.sendgrid_messages import SENDER, SHAPE, a_message
from tests.doubles.sendgrid_sink import Sink

MESSAGES = [a_message(n) for n in (1, 2, 3)]


@pytest.fixture
async def double() -> AsyncIterator[SendgridDouble]:
    async with SendgridDouble() as running:
        yield running


@pytest.fixture
async def connection(double: SendgridDouble) -> AsyncIterator[Connection]:
    opened = connect(double.url)
    yield opened
    await opened.close()


def connect(url: str, key: str = KEY) -> Connection:
    transport: Transport = SendgridTransport(SendgridSettings(name="bulk", api_key=key, base_url=url))
    return transport.connect()


async def _hand_over(url: str, messages: Sequence[Message] = MESSAGES) -> Sequence[Outcome]:
    connection = connect(url)
    try:
        return await connection.hand_over(messages)
    finally:
        await connection.close()


def verdicts(outcomes: Sequence[Outcome]) -> list[Verdict]:
    return [outcome.verdict for outcome in outcomes]


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(talk: Talk) -> AsyncIterator[str]:
    """The URL of a server that talks as it is told."""
    talks: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        try:
            await talk(reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1_000)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in filter(None, talks):
            task.cancel()
        await asyncio.gather(*filter(None, talks), return_exceptions=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendgrid, "_TIMEOUT", httpx.Timeout(connect=1, read=0.1, write=0.1, pool=1))


async def test_a_batch_leaves_in_one_request_and_each_person_gets_the_approved_mail(
    double: SendgridDouble, connection: Connection
) -> None:
    messages = [a_message(n, f"Ünï & <{n}>", "a b") for n in range(1, 251)]
    assert await connection.prepare(Envelope(1, SENDER.address, "ada@example.org")) is None
    outcomes = await connection.hand_over(messages)
    assert double.requests == 1
    (request_id,) = {mail.request_id for mail in double.mails}
    assert set(outcomes) == {Outcome(Verdict.ACCEPTED, Stage.BODY, code="202", remote_id=request_id, text="Accepted")}
    for message, mail in zip(messages, double.mails, strict=True):
        assert mail.to[0].email == message.to
        assert mail.subject == fill.subject(message)
        assert mail.text == fill.text(message)
        assert mail.html == fill.html_body(message)
        assert mail.custom_args == {"mergecast_message": handle(message.id, message.token)}


async def test_the_request_says_who_it_is_and_what_it_brings(double: SendgridDouble, connection: Connection) -> None:
    await connection.hand_over(MESSAGES)
    assert double.last_headers["authorization"] == f"Bearer {KEY}"
    assert double.last_headers["content-type"] == "application/json"
    assert double.last_headers["accept"] == "application/json"


async def test_a_connection_is_kept(double: SendgridDouble, connection: Connection) -> None:
    for _ in range(3):
        await connection.hand_over(MESSAGES)
    assert (double.requests, double.connections) == (3, 1)


async def test_a_connection_that_said_goodbye_carries_the_next_request(
    double: SendgridDouble, connection: Connection
) -> None:
    for number in (1, 2):
        assert verdicts(await connection.hand_over([a_message(number)])) == [Verdict.ACCEPTED]
        await connection.close()
        await connection.close()  # as a connection does over and over while its transport rests
    assert (double.connections, len(double.mails)) == (2, 2)


async def test_a_kept_connection_that_the_server_closed_costs_nothing(
    double: SendgridDouble, connection: Connection
) -> None:
    await connection.hand_over(MESSAGES)
    await double.drop_connections()
    assert verdicts(await connection.hand_over(MESSAGES)) == [Verdict.ACCEPTED] * 3
    assert double.connections == 2


async def test_messages_that_cannot_share_a_request_get_their_own(
    double: SendgridDouble, connection: Connection
) -> None:
    tag = f"-{tag_key(SENDER)}0-"
    messages = [a_message(1), a_message(2, tag, tag), a_message(3), a_message(4, to="PERSON1@example.com")]
    outcomes = await connection.hand_over(messages)
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 4
    assert double.requests == 3
    by_handle = {mail.custom_args["mergecast_message"]: mail for mail in double.mails}
    for message, outcome in zip(messages, outcomes, strict=True):
        mail = by_handle[handle(message.id, message.token)]
        assert (mail.text, mail.html) == (fill.text(message), fill.html_body(message))
        assert mail.request_id == outcome.remote_id


async def test_a_missing_request_id_is_no_fault(double: SendgridDouble, connection: Connection) -> None:
    double.script("202")
    outcomes = await connection.hand_over(MESSAGES)
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 3
    assert {outcome.remote_id for outcome in outcomes} == {""}


async def test_rows_that_a_400_names_are_rejected_and_the_rest_is_sent_once(
    double: SendgridDouble, connection: Connection
) -> None:
    messages = [a_message(1), a_message(2, to="nobody"), a_message(3), a_message(4, to="x" * 310 + "@example.com")]
    outcomes = await connection.hand_over(messages)
    assert verdicts(outcomes) == [Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ACCEPTED, Verdict.REJECTED]
    assert outcomes[1] == Outcome(
        Verdict.REJECTED,
        Stage.RCPT,
        Blame.RECIPIENT,
        "400",
        text="Does not contain a valid address. (personalizations.1.to.0.email)",
    )
    assert "320 characters" in outcomes[3].text
    assert double.requests == 2
    assert [mail.to[0].email for mail in double.mails] == ["person1@example.com", "person3@example.com"]


async def test_when_all_rows_are_rejected_nothing_is_sent_again(double: SendgridDouble, connection: Connection) -> None:
    outcomes = await connection.hand_over([a_message(1, to="nobody"), a_message(2, to="nowhere")])
    assert verdicts(outcomes) == [Verdict.REJECTED] * 2
    assert double.requests == 1


def _naming(row: int) -> Step:
    errors = [{"message": "Not this one.", "field": f"personalizations.{row}.to", "help": None}]
    return Step(status=400, body=json.dumps({"errors": errors}).encode())


async def test_a_second_400_rejects_what_it_names_and_returns_the_others(
    double: SendgridDouble, connection: Connection
) -> None:
    double.script(_naming(0), _naming(1))
    outcomes = await connection.hand_over(MESSAGES)
    assert verdicts(outcomes) == [Verdict.REJECTED, Verdict.RETURNED, Verdict.REJECTED]
    assert (outcomes[1].blame, outcomes[1].pauses) == (Blame.NOBODY, False)
    assert double.requests == 2


async def test_what_the_second_try_meets_holds_for_the_rest(double: SendgridDouble, connection: Connection) -> None:
    double.script(_naming(1), "500")
    outcomes = await connection.hand_over(MESSAGES)
    assert verdicts(outcomes) == [Verdict.UNCERTAIN, Verdict.REJECTED, Verdict.UNCERTAIN]


async def test_a_400_that_names_no_row_pauses_and_is_not_tried_in_parts(
    double: SendgridDouble, connection: Connection
) -> None:
    shape = replace(SHAPE, subject=("",))
    outcomes = await connection.hand_over([a_message(n, shape=shape) for n in (1, 2, 3)])
    assert set(outcomes) == {
        Outcome(
            Verdict.RETURNED,
            Stage.BODY,
            Blame.US,
            "400",
            text="The subject of your email must be a string at least one character in length. (subject)",
            pauses=True,
        )
    }
    assert double.requests == 1


async def test_a_wrong_key_pauses_and_is_said_nowhere(double: SendgridDouble, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    connection = connect(double.url, key="SG.a-wrong-key")
    outcomes = await connection.hand_over(MESSAGES)
    await connection.close()
    assert {(o.verdict, o.stage, o.blame, o.pauses) for o in outcomes} == {
        (Verdict.RETURNED, Stage.AUTH, Blame.US, True)
    }
    assert "invalid, expired, or revoked" in outcomes[0].text
    assert "SG.a-wrong-key" not in caplog.text


async def test_a_server_that_quotes_the_key_is_not_repeated(double: SendgridDouble, connection: Connection) -> None:
    words = {"errors": [{"message": f"bad header: Bearer {KEY}", "field": None}]}
    double.script(Step(status=401, body=json.dumps(words).encode()), Step(status=202, headers={"X-Message-Id": KEY}))
    (refused,), (accepted,) = await connection.hand_over([a_message()]), await connection.hand_over([a_message()])
    assert refused.text == "bad header: Bearer [key]"
    assert accepted.remote_id == "[key]"


async def test_a_sender_that_is_not_verified_pauses(connection: Connection, double: SendgridDouble) -> None:
    double.senders = frozenset({"else@example.com"})
    (outcome,) = await connection.hand_over([a_message()])
    assert (outcome.verdict, outcome.stage, outcome.pauses) == (Verdict.RETURNED, Stage.MAIL, True)
    assert "verified Sender Identity" in outcome.text


@pytest.mark.parametrize("status", [404, 405, 406, 413, 415, 418, 302])
async def test_what_is_about_us_pauses(double: SendgridDouble, connection: Connection, status: int) -> None:
    double.script(Step(status=status, headers={"Location": "/elsewhere"}))
    outcomes = await connection.hand_over(MESSAGES)
    assert {(o.verdict, o.blame, o.code, o.pauses) for o in outcomes} == {
        (Verdict.RETURNED, Blame.US, str(status), True)
    }
    assert double.requests == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wish_to_wait_is_a_deferral(double: SendgridDouble, connection: Connection, status: int) -> None:
    double.script(f"{status} retry-after=7")
    outcomes = await connection.hand_over(MESSAGES)
    assert {(o.verdict, o.code, o.retry_after, o.pauses) for o in outcomes} == {
        (Verdict.DEFERRED, str(status), 7, False)
    }
    assert double.mails == []


@pytest.mark.parametrize("step", ["500", "500-taken", "502-taken", "504-taken", "cut", "cut-taken"])
async def test_any_other_end_is_uncertain_and_not_tried_again(
    double: SendgridDouble, connection: Connection, step: str
) -> None:
    double.script(step)
    outcomes = await connection.hand_over(MESSAGES)
    assert {(o.verdict, o.stage, o.blame, o.pauses) for o in outcomes} == {
        (Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, False)
    }
    assert double.requests == 1
    assert len(double.mails) == (3 if step.endswith("-taken") else 0)


@pytest.mark.parametrize("step", ["silence", "silence-taken"])
@pytest.mark.usefixtures("impatient")
async def test_no_answer_in_time_is_uncertain(double: SendgridDouble, step: str) -> None:
    double.script(step)
    connection = connect(double.url)
    outcomes = await connection.hand_over(MESSAGES)
    await connection.close()
    assert verdicts(outcomes) == [Verdict.UNCERTAIN] * 3
    assert double.requests == 1


async def test_a_202_that_is_cut_after_its_head_is_accepted(double: SendgridDouble, connection: Connection) -> None:
    double.script("cut-in-answer")
    outcomes = await connection.hand_over(MESSAGES)
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 3
    assert outcomes[0].remote_id == double.mails[0].request_id


async def test_a_400_that_is_cut_after_its_head_did_not_leave(double: SendgridDouble, connection: Connection) -> None:
    double.script(Step(status=400, cut=True, body=b"x" * 100))
    outcomes = await connection.hand_over(MESSAGES)
    assert {(o.verdict, o.blame, o.pauses) for o in outcomes} == {(Verdict.RETURNED, Blame.OUTAGE, False)}


async def test_an_endless_answer_is_read_so_far(double: SendgridDouble, connection: Connection) -> None:
    double.script(Step(status=401, body=b"word " * 1_000_000))
    (outcome,) = await connection.hand_over([a_message()])
    assert outcome.pauses
    assert len(outcome.text) <= 500
    assert verdicts(await connection.hand_over(MESSAGES)) == [Verdict.ACCEPTED] * 3
    assert double.connections == 2  # the one with the unread rest was given up


async def test_an_answer_that_is_no_http_is_uncertain() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await writer.drain()

    async with served(talk) as url:
        (outcome,) = await _hand_over(url, [a_message()])
    assert outcome.verdict is Verdict.UNCERTAIN


async def test_without_a_server_messages_are_returned_as_an_outage() -> None:
    async with SendgridDouble() as gone:
        url = gone.url
    connection = connect(url)
    outcomes = await connection.hand_over(MESSAGES)
    await connection.close()
    assert {(o.verdict, o.stage, o.blame, o.pauses) for o in outcomes} == {
        (Verdict.RETURNED, Stage.CONNECT, Blame.OUTAGE, False)
    }


async def _through_tls(
    monkeypatch: pytest.MonkeyPatch, url: str, trusted: trustme.CA | None = None
) -> Sequence[Outcome]:
    monkeypatch.setattr(sendgrid, "_allowed", lambda base_url: True)  # https goes to SendGrid's own hosts only
    transport = SendgridTransport(SendgridSettings(name="bulk", api_key=KEY, base_url=url))
    if trusted:
        trusted.configure_trust(transport._tls)
    connection = transport.connect()
    try:
        return await connection.hand_over(MESSAGES)
    finally:
        await connection.close()


def _double_with_tls(authority: trustme.CA) -> SendgridDouble:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return SendgridDouble(tls=context)


async def test_tls_with_a_trusted_certificate_works(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    async with _double_with_tls(authority) as double:
        outcomes = await _through_tls(monkeypatch, double.url, authority)
    assert verdicts(outcomes) == [Verdict.ACCEPTED] * 3


async def test_a_certificate_that_nobody_vouches_for_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _double_with_tls(trustme.CA()) as double:
        outcomes = await _through_tls(monkeypatch, double.url)
        assert double.requests == 0
    assert {(o.verdict, o.stage, o.blame, o.pauses) for o in outcomes} == {
        (Verdict.RETURNED, Stage.TLS, Blame.US, True)
    }
    assert "certificate" in outcomes[0].text


async def test_a_server_without_tls_is_an_outage(monkeypatch: pytest.MonkeyPatch, double: SendgridDouble) -> None:
    outcomes = await _through_tls(monkeypatch, double.url.replace("http:", "https:"))
    assert {(o.verdict, o.blame, o.pauses) for o in outcomes} == {(Verdict.RETURNED, Blame.OUTAGE, False)}


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_stops_reading_is_uncertain() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    shape = replace(SHAPE, text=("x" * 20_000_000,))
    async with served(talk) as url:
        (outcome,) = await _hand_over(url, [a_message(shape=shape)])
    assert (outcome.verdict, outcome.text[:12]) == (Verdict.UNCERTAIN, "WriteTimeout")


async def test_a_server_that_drips_its_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 ")
        while True:
            writer.write(b"2")
            await asyncio.sleep(0.01)

    monkeypatch.setattr(sendgrid, "_DEADLINE", 0.2)
    async with served(talk) as url:
        (outcome,) = await _hand_over(url, [a_message()])
    assert (outcome.verdict, outcome.text) == (Verdict.UNCERTAIN, "TimeoutError")


async def test_after_a_request_that_did_not_get_through_the_next_is_not_begun(
    double: SendgridDouble, connection: Connection
) -> None:
    double.script("500-taken")
    tag = tag_key(SENDER)
    outcomes = await connection.hand_over([a_message(1), a_message(2, tag, ""), a_message(3)])
    assert verdicts(outcomes) == [Verdict.UNCERTAIN, Verdict.RETURNED, Verdict.UNCERTAIN]
    assert double.requests == 1


async def test_the_environment_names_no_proxy(double: SendgridDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    connection = connect(double.url)
    assert verdicts(await connection.hand_over(MESSAGES)) == [Verdict.ACCEPTED] * 3
    await connection.close()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"method": "GET"}, 405),
        ({"url": "/v3/mail"}, 404),
        ({"headers": {"Authorization": ""}}, 401),
        ({"headers": {"Authorization": "Bearer else"}}, 401),
        ({"headers": {"Accept": "text/html"}}, 406),
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"headers": {"Content-Encoding": "gzip"}}, 415),
        ({"content": b'"\xff"'}, 415),
        ({"content": b"{"}, 400),
        ({"content": b'{"headers": {"A": "1", "A": "2"}}'}, 400),
        ({"content": b"[" * 100_000}, 400),
        ({"content": b"x" * 30_000_001}, 413),
    ],
)
async def test_the_double_refuses_what_is_no_request(
    double: SendgridDouble, change: dict[str, object], status: int
) -> None:
    usual = {"Authorization": f"Bearer {KEY}", "Accept": "application/json", "Content-Type": "application/json"}
    asked: dict[str, object] = {"method": "POST", "url": "/v3/mail/send", "content": b"{}", **change}
    asked["headers"] = {**usual, **change.get("headers", {})}  # type: ignore[dict-item]
    async with httpx.AsyncClient(base_url=double.url, trust_env=False) as client:
        answer = await client.request(**asked)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.json()["errors"][0].keys() == {"message", "field", "help"}
    assert double.mails == []


async def test_in_sandbox_mode_the_double_answers_200_and_keeps_nothing(
    double: SendgridDouble, connection: Connection
) -> None:
    await connection.hand_over([a_message()])
    (document,) = double.documents
    document["mail_settings"]["sandbox_mode"] = {"enable": True}
    async with httpx.AsyncClient(base_url=double.url, trust_env=False) as client:
        answer = await client.post("/v3/mail/send", json=document, headers={"Authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(double.mails) == 1


def test_the_double_runs_beside_synchronous_code() -> None:
    with SendgridDouble.in_thread() as double:
        outcomes = asyncio.run(_hand_over(double.url))
        assert verdicts(outcomes) == [Verdict.ACCEPTED] * 3
        assert len(double.mails) == 3


@pytest.mark.parametrize("fast", [False, True], ids=["strict", "fast"])
def test_the_double_runs_by_itself(fast: bool) -> None:
    command = [sys.executable, "-m", "tests.doubles.sendgrid_double", "--port", "0"]
    command += ["--fast"] if fast else ["--script", "429 retry-after=1"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            first, second = (verdicts(asyncio.run(_hand_over(url))) for _ in range(2))
            kept = httpx.get(f"{url}/double/mails", trust_env=False).json()
        finally:
            process.terminate()
    assert process.returncode == 0
    assert first == [Verdict.ACCEPTED if fast else Verdict.DEFERRED] * 3
    assert second == [Verdict.ACCEPTED] * 3
    if fast:
        assert (kept["requests"], kept["personalizations"]) == (2, 6)
    else:
        assert [mail["to"][0]["email"] for mail in kept] == [message.to for message in MESSAGES]


async def test_the_fast_sink_counts_people_however_the_json_is_spaced() -> None:
    async with Sink() as sink:
        body = json.dumps({"personalizations": [{"to": [{"email": '"to":['}]}] * 3}, indent=1)
        async with httpx.AsyncClient(base_url=sink.url, trust_env=False) as client:
            assert (await client.post("/v3/mail/send", content=body)).status_code == 202
        assert sink.personalizations == 3
