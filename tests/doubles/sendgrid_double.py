"""A SendGrid on this machine: as strict as its pages say the service is, and it keeps each person's mail.

    async with SendgridDouble() as double: ...     in this event loop
    with SendgridDouble.in_thread() as double: ... beside synchronous code or another process
    python -m tests.doubles.sendgrid_double --port 0 [--key KEY] [--script "429 retry-after=2, cut-taken"] [--fast]

What the next requests meet, each once, in order, is a script of steps:

    401 / 429 retry-after=2 / 503 ...   answered with that status, nothing taken
    500-taken                           the mails are taken, and then it is answered so
    silence, silence-taken              no answer
    cut, cut-taken                      the connection is dropped before an answer
    cut-in-answer                       the mails are taken; the answer's head is sent, but not its whole body
    ok                                  as usual

From outside: GET /double/mails, PUT /double/script with a JSON list of steps, DELETE /double/mails.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import secrets
import signal
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import h11

from tests.doubles.sendgrid_fields import Fault
from tests.doubles.sendgrid_mails import Mail, mails
from tests.doubles.sendgrid_rules import TwiceError, faults, unique_keys
from tests.doubles.sendgrid_sink import Sink

KEY = "SG.a-key-of-the-double"
MOST_BYTES = 30_000_000
_KEY_WORDS = "The provided authorization grant is invalid, expired, or revoked"
_SENDER_WORDS = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved."
)


@dataclass(frozen=True, slots=True)
class Step:
    """What one request meets instead of the usual."""

    status: int = 0  # 0: no answer
    taken: bool = False  # the mails are taken first, if they are valid
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of an error document
    usual: bool = False

    @classmethod
    def parse(cls, text: str) -> "Step":
        """A step from its text form, like "429 retry-after=2"."""
        name, *settings = text.split()
        what, taken = name.removesuffix("-taken"), name.endswith("-taken")
        headers = dict(setting.split("=", 1) for setting in settings)
        if what == "ok":
            return cls(usual=True)
        if what == "cut-in-answer":
            return cls(status=202, taken=True, cut=True)
        if what in ("cut", "silence"):
            return cls(taken=taken, cut=what == "cut")
        return cls(status=int(what), taken=taken, headers=headers)


@dataclass(slots=True)
class _Asked:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    too_large: bool = False


@dataclass(slots=True)
class _Reply:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class SendgridDouble:
    """Serves POST /v3/mail/send on a loopback address."""

    def __init__(
        self,
        key: str = KEY,
        senders: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
        delay: float = 0.0,
        on_mails: Callable[[list[Mail]], None] = lambda mails: None,
    ) -> None:
        self.key = key
        self.delay = delay  # seconds between taking a request's mails and answering it
        self.on_mails = on_mails  # called when a request's mails are taken, before it is answered
        self.tls = tls
        self.senders = frozenset(senders)  # verified From addresses; none: every address is
        self.account: dict[str, Any] = {  # answers by path; None: the key may not know
            "/v3/scopes": {"scopes": ["mail.send", "sender_verification_eligible"]},
            "/v3/user/credits": None,
            "/v3/verified_senders": None,
            "/v3/whitelabel/domains?limit=500": None,
        }
        self.mails: list[Mail] = []
        self.documents: list[dict[str, Any]] = []  # those that were accepted
        self.requests = 0  # that came in whole, whatever the answer
        self.connections = 0
        self.last_headers: dict[str, str] = {}
        self.headers: dict[str, dict[str, str]] = {}  # of the last request to each path
        self.url = ""
        self._script: deque[Step] = deque()
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "SendgridDouble":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @classmethod
    @contextlib.contextmanager
    def in_thread(cls, **settings: Any) -> Iterator["SendgridDouble"]:
        """A double with an event loop of its own."""
        double = cls(**settings)
        ready, over = threading.Event(), asyncio.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def serve() -> None:
            async with double:
                loops.append(asyncio.get_running_loop())
                ready.set()
                await over.wait()

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        try:
            if not ready.wait(10):
                raise RuntimeError("The double did not start.")
            yield double
        finally:
            for loop in loops:
                loop.call_soon_threadsafe(over.set)
            thread.join(10)

    def script(self, *steps: str | Step) -> None:
        """What the next requests meet."""
        self._script.extend(Step.parse(step) if isinstance(step, str) else step for step in steps)

    def unscript(self) -> None:
        """What was scripted and has not come yet does not come."""
        self._script.clear()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", port, ssl=self.tls)
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        await self.drop_connections()

    async def drop_connections(self) -> None:
        """Close what is open, as a service does with idle connections."""
        talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        self.connections += 1
        try:
            await self._serve(h11.Connection(h11.SERVER, max_incomplete_event_size=65_536), reader, writer)
        except (OSError, h11.RemoteProtocolError):
            pass
        except asyncio.CancelledError:  # dropped
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await _read(talk, reader, writer):
            self.requests += 1
            self.last_headers = self.headers[asked.path] = asked.headers
            sending = not asked.path.startswith("/double/")
            step = self._script.popleft() if sending and self._script else Step(usual=True)
            if step.usual or step.taken:
                reply = self._answer(asked)
                if sending:
                    await asyncio.sleep(self.delay)
            if not step.usual:
                if not step.status and step.cut:
                    writer.transport.abort()
                    return
                if not step.status:
                    await reader.read()  # until the client gives up
                    return
                reply = _scripted(step, reply if step.taken else None)
            if asked.method == "HEAD":
                reply.body = b""
            head, body = _written(talk, reply)
            writer.write(head + (body[: len(body) // 2] if step.cut else body))
            await writer.drain()
            if step.cut or asked.too_large or talk.our_state is not h11.DONE:
                return
            talk.start_next_cycle()

    def _answer(self, asked: _Asked) -> _Reply:
        if asked.path.startswith("/double/"):
            return self._control(asked)
        if asked.path in self.account:
            return self._told(asked)
        if asked.path != "/v3/mail/send":
            return _refusal(404, Fault("not found", None))
        if asked.method != "POST":
            return _refusal(405, Fault("method not allowed", None))
        if asked.headers.get("authorization") != f"Bearer {self.key}":
            return _refusal(401, Fault(_KEY_WORDS, None))
        if not any(kind in asked.headers.get("accept", "") for kind in ("application/json", "*/*")):
            return _refusal(406, Fault("Accept must be application/json", None))
        if asked.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refusal(415, Fault("Content-Type should be application/json.", None))
        if asked.headers.get("content-encoding", "identity") != "identity":
            return _refusal(415, Fault("Content-Encoding is not enabled for this account.", None))
        if asked.too_large:
            return _refusal(413, Fault("The JSON payload you have included in your request is too large.", None))
        return self._send(asked.body)

    def _told(self, asked: _Asked) -> _Reply:
        """What the account says of itself; a question that the key may not ask is refused."""
        if asked.headers.get("authorization") != f"Bearer {self.key}":
            return _refusal(401, Fault(_KEY_WORDS, None))
        if asked.method != "GET":
            return _refusal(405, Fault("method not allowed", None))
        answer = self.account[asked.path]
        return (
            _refusal(403, Fault("access forbidden", None))
            if answer is None
            else _Reply(200, {}, json.dumps(answer).encode())
        )

    def _send(self, body: bytes) -> _Reply:
        try:
            document = json.loads(body.decode("utf-8"), object_pairs_hook=unique_keys)
        except UnicodeDecodeError:
            return _refusal(415, Fault("Invalid UTF8 in request", None))
        except TwiceError:
            return _refusal(400, Fault("The headers cannot contain duplicate keys.", None))
        except (ValueError, RecursionError):
            return _refusal(400, Fault("Bad Request", None))
        if found := faults(document):
            return _refusal(400, *found)
        if self.senders and document["from"]["email"].casefold() not in self.senders:
            return _refusal(403, Fault(_SENDER_WORDS, "from"))
        if document.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return _Reply(200)
        request_id = secrets.token_urlsafe(16)
        self.documents.append(document)
        taken = mails(document, request_id)
        self.mails.extend(taken)
        self.on_mails(taken)
        return _Reply(202, {"X-Message-Id": request_id})

    def _control(self, asked: _Asked) -> _Reply:
        if (asked.method, asked.path) == ("GET", "/double/mails"):
            kept = [dataclasses.asdict(mail) for mail in self.mails]
            return _Reply(200, {}, json.dumps(kept, default=lambda data: data.hex()).encode())
        if (asked.method, asked.path) == ("DELETE", "/double/mails"):
            self.mails.clear()
            self.documents.clear()
            return _Reply(204)
        if (asked.method, asked.path) == ("PUT", "/double/script"):
            self.script(*json.loads(asked.body))
            return _Reply(204)
        return _Reply(404)


async def _read(talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Asked | None:
    """The next whole request; None when the client has gone."""
    asked, body = None, bytearray()
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            if talk.they_are_waiting_for_100_continue:
                writer.write(talk.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            talk.receive_data(await reader.read(262_144))
        elif isinstance(event, h11.Request):
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in event.headers}
            asked = _Asked(event.method.decode(), event.target.decode(), headers, b"")
        elif isinstance(event, h11.Data):
            body += event.data
            if asked and len(body) > MOST_BYTES:
                asked.too_large = True
                return asked
        elif isinstance(event, h11.EndOfMessage) and asked:
            asked.body = bytes(body)
            return asked
        else:
            return None


def _scripted(step: Step, usual: _Reply | None) -> _Reply:
    if step.cut and usual:  # a body that is cut in half
        return _Reply(usual.status, usual.headers, usual.body or b" " * 100)
    reply = _refusal(step.status, Fault(HTTPStatus(step.status).phrase.lower(), None))
    if step.body is not None or step.status < 300:
        reply.body = step.body or b""
    return dataclasses.replace(reply, headers={**reply.headers, **step.headers})


def _refusal(status: int, *found: Fault) -> _Reply:
    document = {"errors": [fault.as_json() for fault in found]}
    return _Reply(status, {"Content-Type": "application/json"}, json.dumps(document).encode())


def _written(talk: h11.Connection, reply: _Reply) -> tuple[bytes, bytes]:
    headers = [*reply.headers.items(), ("Content-Length", str(len(reply.body)))]
    response = h11.Response(status_code=reply.status, headers=headers, reason=HTTPStatus(reply.status).phrase)
    head = talk.send(response) or b""
    body = talk.send(h11.Data(data=reply.body)) or b""
    return head, body + (talk.send(h11.EndOfMessage()) or b"")


async def _main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.doubles.sendgrid_double", description=__doc__)
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--key", default=KEY)
    options.add_argument("--script", default="", help="steps, with commas between them")
    options.add_argument("--fast", action="store_true", help="count, keep nothing, check nothing")
    options.add_argument("--delay", type=float, default=0, help="with --fast: seconds before each answer")
    given = options.parse_args()

    double = Sink(given.delay) if given.fast else SendgridDouble(given.key)
    if isinstance(double, SendgridDouble):
        double.script(*(step for step in given.script.split(",") if step.strip()))
    await double.start(given.port)
    print(double.url, flush=True)
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    await over.wait()
    await double.stop()


if __name__ == "__main__":
    asyncio.run(_main())
