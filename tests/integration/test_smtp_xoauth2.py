"""Logging in with a token that another program keeps fresh, through TLS."""

import shlex
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from campaigns.message.message import Envelope, Message, Sender
from campaigns.message.shape import Shape
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.smtp import SmtpTransport
from scheduler.transports.smtp_session import SmtpSettings, Timeouts
from scheduler.transports.token import Token
from tests.doubles.smtp_server import SmtpServer
from tests.doubles.stepping import stepped

SENDER = Sender(1, "Advent", True, "Ada", "ada@example.com")
QUICK = Timeouts(connect=5, handshake=5, command=5, data=5, block=5, final_dot=5, rest=5, goodbye=1)
LONG = "ya29." + "x" * 2_000  # longer than a command may be


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def server(authority: trustme.CA) -> AsyncIterator[SmtpServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with SmtpServer(tls=context, tokens={"ada@example.com": LONG}) as server:
        yield server
    assert server.faults == []


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path


def secret(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def printing(folder: Path, *tokens: str) -> str:
    """A command that prints the first token, then the second, and so on, and counts its calls."""
    program = folder / "token.py"
    program.write_text(
        "import pathlib, sys\n"
        f"calls = pathlib.Path({str(folder / 'calls')!r})\n"
        "n = len(calls.read_text()) if calls.exists() else 0\n"
        "calls.write_text('x' * (n + 1))\n"
        f"print({tokens!r}[min(n, {len(tokens) - 1})])\n"
    )
    return shlex.join([sys.executable, str(program)])


async def sent(server: SmtpServer, folder: Path, token: Token, count: int = 1) -> list[Outcome]:
    """One mail through each of some connections."""
    settings = SmtpSettings(
        "relay", ("127.0.0.1",), server.port, user="ada@example.com", token=token, ca_file=folder / "ca.pem"
    )
    relay = SmtpTransport(settings, QUICK)
    outcomes = []
    for number in range(count):
        to = f"person{number}@example.org"
        mail = Message(
            number, bytes(8), SENDER, 1, Shape(("Hi",), ("Hello",)), to, (), datetime(2026, 12, 1, tzinfo=UTC)
        )
        connection = relay.connect()
        refusal = await connection.prepare(Envelope(number, SENDER.address, to))
        outcomes.append(refusal or await stepped(connection, mail))
        await connection.close()
    return outcomes


async def test_a_token_out_of_a_file(server: SmtpServer, folder: Path) -> None:
    token = Token(file=secret(folder / "token", f"{LONG}\n"))
    assert [one.verdict for one in await sent(server, folder, token, 2)] == [Verdict.ACCEPTED] * 2
    server.tokens["ada@example.com"] = "another"
    secret(folder / "token", "another")  # what keeps it fresh writes it anew
    assert [one.verdict for one in await sent(server, folder, token)] == [Verdict.ACCEPTED]


async def test_a_command_is_asked_once_for_many_connections(server: SmtpServer, folder: Path) -> None:
    token = Token(command=printing(folder, LONG))
    assert [one.verdict for one in await sent(server, folder, token, 3)] == [Verdict.ACCEPTED] * 3
    assert (folder / "calls").read_text() == "x"


async def test_a_token_that_ran_out_is_asked_for_anew(server: SmtpServer, folder: Path) -> None:
    token = Token(command=printing(folder, LONG, "fresh"))
    assert [one.verdict for one in await sent(server, folder, token)] == [Verdict.ACCEPTED]
    server.tokens["ada@example.com"] = "fresh"
    assert [one.verdict for one in await sent(server, folder, token)] == [Verdict.ACCEPTED]
    assert (folder / "calls").read_text() == "xx"


async def test_a_token_that_is_refused_pauses_and_is_told_nowhere(server: SmtpServer, folder: Path) -> None:
    server.answer = lambda command, argument: (
        "535 5.7.3 No: wrong" if command == "AUTH" and argument == "XOAUTH2" else None
    )
    (outcome,) = await sent(server, folder, Token(command=printing(folder, "wrong")))
    assert (outcome.verdict, outcome.blame, outcome.stage, outcome.pauses) == (
        Verdict.RETURNED,
        Blame.US,
        Stage.AUTH,
        True,
    )
    assert (folder / "calls").read_text() == "x"  # it was fresh: asking once more would give the same
    assert outcome.text == "5.7.3 No: ***"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("no-such-program --token", "token_command cannot be run: no-such-program: No such file or directory."),
        ("sh -c 'echo log in first >&2; exit 3'", "token_command ended with status 3: log in first."),
        ("true", "token_command gave no token."),
        (
            "echo two words",
            "token_command gave what is no token: it has blanks, several lines or letters outside ASCII.",
        ),
    ],
)
async def test_a_command_that_gives_none(server: SmtpServer, folder: Path, token: str, words: str) -> None:
    (outcome,) = await sent(server, folder, Token(command=token))
    assert (outcome.blame, outcome.stage, outcome.pauses, outcome.text) == (Blame.US, Stage.AUTH, True, words)


async def test_a_token_file_that_others_may_read_is_refused(server: SmtpServer, folder: Path) -> None:
    (outcome,) = await sent(server, folder, Token(file=secret(folder / "token", LONG, 0o644)))
    assert outcome.text == "token holds secrets, and others on this computer may open it. Run `chmod 600 token`."


async def test_our_settings_and_keys_are_kept_from_the_command(
    server: SmtpServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERGECAST_TRANSPORTS__CLOUD__API_KEY", "SG.secret")
    (outcome,) = await sent(server, folder, Token(command="sh -c 'env | grep SG.secret && exit 1; exit 7'"))
    assert outcome.text == "token_command ended with status 7: it said nothing."


async def test_a_server_without_it(authority: trustme.CA, folder: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with SmtpServer(tls=context, users={"ada@example.com": "secret"}) as server:
        (outcome,) = await sent(server, folder, Token(file=secret(folder / "token", LONG)))
    assert outcome.text.endswith("offers no login with a token (XOAUTH2).")
