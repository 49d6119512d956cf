"""What the same work takes without Mergecast: bare Jinja, smtplib, smtp-source, mailbox, httpx."""

import asyncio
import json
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import ground
from benchmarks.servers import SOURCE

FROM = "fair@mergecast-fair.org"


def render_bare(rows: int) -> dict[str, Any]:
    """The same template by Jinja alone, once a row: no check, no layout, nothing kept."""
    from jinja2 import Environment

    from sample_data.make_large import HEADER, people

    _, subject, body = ground.letter().split("---\n", 2)
    environment = Environment(autoescape=True)
    templates = [environment.from_string(text) for text in (subject, body)]
    names = [header.lower().replace(" ", "_") for header in HEADER]
    given = [dict(zip(names, person, strict=True)) for person in people(rows)]
    began = time.perf_counter()
    for values in given:
        for template in templates:
            template.render(values, unsubscribe_url="https://mergecast-fair.org/u/1")
    return {"seconds": time.perf_counter() - began}


def read_by_openpyxl(sheet: str) -> dict[str, Any]:
    """All cells' values as openpyxl alone streams them: no column found, no format shown, no address checked."""
    from openpyxl import load_workbook

    began = time.perf_counter()
    (first, *_) = load_workbook(sheet, read_only=True).worksheets
    rows = sum(1 for _ in first.iter_rows(values_only=True))
    return {"seconds": time.perf_counter() - began, "rows": rows}


def send_by_smtplib(folder: str, port: int, count: int, connections: int = 1) -> dict[str, Any]:
    """Mails made beforehand, one after the other over kept connections."""
    mails = list(_mails(folder, count))

    def send(some: list[tuple[str, bytes]]) -> None:
        with smtplib.SMTP("127.0.0.1", port) as server:
            for to, mail in some:
                server.sendmail(FROM, [to], mail)

    with ThreadPoolExecutor(connections) as threads:
        began = time.perf_counter()
        list(threads.map(send, [mails[first::connections] for first in range(connections)]))
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "octets": sum(len(mail) for _, mail in mails) / len(mails)}


def send_by_smtp_source(port: int, count: int, octets: int) -> float:
    """Seconds that Postfix's generator takes, which only repeats one mail."""
    assert SOURCE
    addresses = ["-f", FROM, "-t", "person@example.com"]
    command = [SOURCE, "-d", "-s", "16", "-m", str(count), "-l", str(octets), *addresses, f"127.0.0.1:{port}"]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return time.perf_counter() - began


def add_to_mailbox(folder: str, count: int) -> dict[str, Any]:
    """The standard library's Maildir, mail by mail."""
    import mailbox

    mails = list(_mails(folder, count))
    with tempfile.TemporaryDirectory() as where:
        box = mailbox.Maildir(f"{where}/mail")
        began = time.perf_counter()
        for _, mail in mails:
            box.add(mail)
        return {"seconds": time.perf_counter() - began}


def post_by_httpx(folder: str, port: int, count: int, batch: int, connections: int) -> dict[str, Any]:
    """Requests made beforehand, by as many clients as connections."""
    bodies = [body for some in _some(queued(folder), batch, count) for body in _bodies(some)]

    async def post(some: list[bytes]) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {ground.KEY}", "Content-Type": "application/json"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, verify=False) as client:
            for body in some:
                answer = await client.post(f"http://127.0.0.1:{port}/v3/mail/send", content=body)
                assert answer.status_code == 202, answer

    async def all_of_them() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(post(bodies[first::connections]) for first in range(connections)))
        return time.perf_counter() - began

    import uvloop

    return {"seconds": uvloop.run(all_of_them())}


def write_contents(folder: str, count: int, path: str) -> dict[str, Any]:
    """What each mail says, as lines of JSON, for programs that know nothing of Mergecast; octets of the first as a mail."""
    from campaigns.message import fill
    from campaigns.message.mime import to_bytes

    with Path(path).open("w", encoding="utf-8") as file:
        for message in islice(queued(folder), count):
            html = fill.html_body(message)
            told = {"to": message.to, "subject": fill.subject(message), "text": fill.text(message), "html": html}
            file.write(json.dumps(told) + "\n")
    return {"octets": len(to_bytes(message))}


def octets_a_mail(folder: str, count: int, batch: int) -> dict[str, Any]:
    """What goes over the wire for one mail: with its envelope by SMTP, with its share of a request by the Web API."""
    mails = list(_mails(folder, count))
    bodies = [body for some in _some(queued(folder), batch, count) for body in _bodies(some)]
    envelopes = sum(len(f"MAIL FROM:<{FROM}>\r\nRCPT TO:<{to}>\r\nDATA\r\n.\r\n") for to, _ in mails)
    return {
        "smtp": (sum(len(mail) for _, mail in mails) + envelopes) / len(mails),
        "web": sum(map(len, bodies)) / len(mails),
    }


def queued(folder: str) -> Iterator[Any]:
    """The queued messages of a workspace, as a transport gets them."""
    from campaigns.clock import SystemClock
    from campaigns.message.message import Message, Sender, unpack_values
    from campaigns.store import outbox
    from campaigns.store.campaigns import find
    from campaigns.store.engine import Store

    store = Store(f"sqlite:///{Path(folder) / 'mergecast.db'}")
    now = SystemClock().now()
    known: dict[int, bytes] = {}
    with store.read() as connection:
        campaign = find(connection, ground.CAMPAIGN)
        assert campaign
        sender = Sender(campaign.id, campaign.name, True, "The Pottery Fair", FROM, tag_salt=b"benchmark")
        shapes: dict[int, Any] = {}
        for one in outbox.candidates(connection, campaign.id, 0, after=(-1, 0), now=2**62, limit=1_000_000):
            if one.shape_id not in shapes:
                shapes[one.shape_id] = outbox.shape(connection, one.shape_id, known)
            yield Message(
                one.id, one.token, sender, one.shape_id, shapes[one.shape_id], one.to, unpack_values(one.slots), now
            )
    store.close()


def _some(messages: Iterator[Any], batch: int, count: int) -> Iterator[list[Any]]:
    """The messages by shape, in batches."""
    by_shape: dict[int, list[Any]] = {}
    for message in islice(messages, count):
        by_shape.setdefault(message.shape_id, []).append(message)
    for alike in by_shape.values():
        for first in range(0, len(alike), batch):
            yield alike[first : first + batch]


def _bodies(messages: list[Any]) -> list[bytes]:
    from scheduler.transports.sendgrid_request import requests

    return [request.body for request in requests(messages)]


def _mails(folder: str, count: int) -> Iterator[tuple[str, bytes]]:
    from campaigns.message.mime import to_bytes

    for message in islice(queued(folder), count):
        yield message.to, to_bytes(message)
