"""What `doctor` hears from real servers: how long their certificates are good, and what time they have."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from campaigns.actions.doctor_check import CheckState
from campaigns.settings import Settings
from campaigns.workspace import Workspace
from scheduler.probe import probes
from tests.doubles.sendgrid_double import SendgridDouble
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer


def asked(root: Path, name: str, **table: Any) -> dict[str, tuple[CheckState, str]]:
    workspace = Workspace(root, Settings.model_validate({"transports": {name: table}}))
    return {check.name: (check.state, check.sentence) for probe in probes(workspace) for check in probe()}


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(("days", "state"), [(90, CheckState.GOOD), (20, CheckState.WARN)])
def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, implicit: bool, days: int, state: CheckState) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    until = datetime.now(UTC) + timedelta(days=days, hours=1)
    authority.issue_cert("127.0.0.1", not_after=until).configure_cert(context)
    with serving(SmtpServer(tls=context, implicit_tls=implicit)) as server:
        told = asked(
            tmp_path, "relay", kind="smtp", host="127.0.0.1", port=server.port, ca_file="ca.pem",
            tls="implicit" if implicit else "starttls",
        )  # fmt: skip
    assert told["relay"][0] is CheckState.GOOD
    assert told["relay certificate"] == (state, f"The certificate of 127.0.0.1 is good for another {days} days.")
    assert "relay clock" not in told  # its greeting has no date


def test_a_greeting_with_a_date_tells_how_far_the_clock_is_off(tmp_path: Path) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    with serving(SmtpServer()) as server:
        server.answer = lambda command, _argument: f"220 mx ready at {date}" if command == "CONNECT" else None
        told = asked(tmp_path, "relay", kind="smtp", host="127.0.0.1", port=server.port, tls="none")
    state, sentence = told["relay clock"]
    assert state is CheckState.BAD
    assert "behind that of 127.0.0.1" in sentence
    assert "relay certificate" not in told


def test_sendgrid_is_asked_for_its_date_without_the_key(tmp_path: Path) -> None:
    with SendgridDouble.in_thread() as double:
        told = asked(tmp_path, "cloud", kind="sendgrid", api_key=double.key, base_url=double.url)
    assert told["cloud"][0] is CheckState.GOOD
    assert "authorization" not in double.headers["/"]


@asynccontextmanager
async def dated(date: str) -> AsyncIterator[int]:
    """Answers anything with that Date, on the port that it yields."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 404 Not Found\r\ndate: {date}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_a_date_header_tells_how_far_the_clock_is_off(tmp_path: Path) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(seconds=90), usegmt=True)
    with serving(dated(date)) as port:
        told = asked(tmp_path, "cloud", kind="sendgrid", api_key="SG.secret", base_url=f"http://127.0.0.1:{port}")
    state, sentence = told["cloud clock"]
    assert state is CheckState.WARN
    assert "ahead of that of 127.0.0.1" in sentence


def test_a_rehearsal_asks_no_network(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Settings.model_validate({}))
    assert [check.name for probe in probes(workspace) for check in probe()] == ["local"]
