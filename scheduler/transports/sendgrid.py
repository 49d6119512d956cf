"""SendGrid's Web API: one request hands over many messages of one shape.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
"""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field, replace

import httpx

from campaigns.errors import SettingsError, Where
from campaigns.message.message import Envelope, Message
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.sendgrid_answer import Answer, not_begun, outcome_of, outcome_of_failure, rejected_rows
from scheduler.transports.sendgrid_options import Options
from scheduler.transports.sendgrid_request import MOST_ROWS, Request, requests

_HOSTS = frozenset({"api.sendgrid.com", "api.eu.sendgrid.com"})
_TIMEOUT = httpx.Timeout(connect=10, read=60, write=60, pool=10)
_DEADLINE = 120  # seconds for a whole request: a server that drips bytes never meets the read timeout
_SLICE = 400_000  # bytes
_SLOWEST = 50_000  # bytes a second: a large request may take as much longer
_KEPT = 5  # seconds that an idle connection is kept: one that the far side closes under a request makes it uncertain
_MOST_ANSWER = 1_000_000  # bytes of an answer that are read
_GOODBYE = 1.5  # seconds


@dataclass(frozen=True, slots=True)
class SendgridSettings:
    """`[transports.NAME]` with kind "sendgrid"."""

    name: str
    api_key: str = field(repr=False)
    base_url: str = "https://api.sendgrid.com"
    batch: int = 250  # recipients in a request; what an answer that never comes leaves uncertain
    connections: int = 4
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MOST_ROWS:
            raise self._wrong(f"batch is {self.batch}", f"Set it to a number from 1 to {MOST_ROWS}.")
        if self.connections < 1:
            raise self._wrong(f"connections is {self.connections}", "Set it to 1 or more.")
        if not self.api_key:
            raise self._wrong("the API key is missing", f"Put api_key under [transports.{self.name}] in secrets.toml.")
        if not (self.api_key.isascii() and self.api_key.isprintable() and " " not in self.api_key):
            raise self._wrong("the API key holds a blank or a character that no key has", "Copy the key again.")
        if not _allowed(self.base_url):
            remedy = (
                "Use https://api.sendgrid.com or https://api.eu.sendgrid.com; plain http goes only to this machine, "
                "like http://127.0.0.1:8080."
            )
            raise self._wrong("base_url is no address that the API key may go to", remedy)

    def _wrong(self, what: str, remedy: str) -> SettingsError:
        sentence = f"Transport {self.name}: {what}."
        return SettingsError(sentence, where=Where(file="mergecast.toml"), remedy=remedy)


def _allowed(base_url: str) -> bool:
    """https to SendGrid's hosts, or http to a literal loopback address: a name could lead anywhere."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        return False
    if url.userinfo or url.query or url.fragment or url.path not in ("", "/"):
        return False
    if url.scheme == "https":
        return url.host in _HOSTS and url.port is None
    try:
        return url.scheme == "http" and ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


class SendgridTransport:
    kind = "sendgrid"

    def __init__(self, settings: SendgridSettings) -> None:
        self.name = settings.name
        self.leaves = not settings.options.sandbox
        self.connections = settings.connections
        self.batch = settings.batch
        self.settings = settings
        self._tls = httpx.create_ssl_context(trust_env=False)  # one for all connections: it takes 20 ms to make

    def connect(self) -> "SendgridConnection":
        return SendgridConnection(self.settings, self._tls)

    async def close(self) -> None:
        """Each connection has a client of its own, and closes it."""


class SendgridConnection:
    """A client with one connection: httpx slows down when many requests share one client."""

    def __init__(self, settings: SendgridSettings, tls: ssl.SSLContext) -> None:
        self.host = httpx.URL(settings.base_url).host
        self.opened = 0  # each request stands for itself
        self._options = settings.options
        self._key = settings.api_key
        self._url = httpx.URL(settings.base_url).copy_with(path="/v3/mail/send")
        self._tls = tls
        self._client: httpx.AsyncClient | None = None  # a closed one carries nothing more: each opening has its own

    def _opened(self) -> httpx.AsyncClient:
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # an answer is read as far as it may be long, so it must not be packed
            "User-Agent": "mergecast",
        }
        return httpx.AsyncClient(
            headers=headers,
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEPT),
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
        )

    async def prepare(self, envelope: Envelope) -> Outcome | None:
        """Nothing can be asked before the request itself."""
        return None

    async def hand_over(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """One request, or more where the messages cannot share one; none is begun after one that did not get through."""
        outcomes: dict[int, Outcome] = {}
        stopped: Outcome | None = None
        for request in requests(messages, self._options):
            if stopped:
                outcomes.update(dict.fromkeys(request.places, not_begun(stopped)))
                continue
            ended = await self._carry(request)
            outcomes.update(ended)
            stopped = next((o for o in ended.values() if o.verdict not in (Verdict.ACCEPTED, Verdict.REJECTED)), None)
        return [outcomes[place] for place in range(len(messages))]

    async def abandon(self) -> None:
        """Nothing was prepared."""

    async def close(self) -> None:
        with contextlib.suppress(httpx.HTTPError, OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                client, self._client = self._client, None
                if client is not None:
                    await client.aclose()

    async def _carry(self, request: Request) -> dict[int, Outcome]:
        """The outcome of each of the request's places; rows that a 400 names are left out of one more try."""
        answer = await self._post(request)
        rejected = rejected_rows(answer, len(request.rows)) if isinstance(answer, Answer) else {}
        if not rejected:
            outcome = outcome_of(answer) if isinstance(answer, Answer) else answer
            return dict.fromkeys(request.places, outcome)

        ended = {request.places[row]: outcome for row, outcome in rejected.items()}
        rest = request.without(frozenset(rejected))
        if not rest.rows:
            return ended
        answer = await self._post(rest)
        rejected = rejected_rows(answer, len(rest.rows)) if isinstance(answer, Answer) else {}
        outcome = outcome_of(answer) if isinstance(answer, Answer) else answer
        if rejected:  # others than before: those that are left did not leave, and will come again
            outcome = outcome._replace(blame=Blame.NOBODY, pauses=False)
        return ended | dict.fromkeys(rest.places, outcome) | {rest.places[row]: o for row, o in rejected.items()}

    async def _post(self, request: Request) -> Answer | Outcome:
        """The answer to the request, or what it means that none came."""
        answer: Answer | None = None
        headers = {"Content-Length": str(request.size)}  # without it httpx would send in chunks
        client = self._client = self._client or self._opened()
        try:
            async with (
                asyncio.timeout(_DEADLINE + request.size / _SLOWEST),
                client.stream("POST", self._url, content=_slices(request.pieces()), headers=headers) as response,
            ):
                answer = Answer(response.status_code, self._scrubbed_headers(response), None)
                body = await _bounded_body(response)
                answer = replace(answer, body=body.replace(self._key.encode(), b"[key]"))
        except (httpx.HTTPError, TimeoutError) as error:
            return answer or outcome_of_failure(error)  # what the status line said holds, even if the rest was cut off
        return answer

    def _scrubbed_headers(self, response: httpx.Response) -> httpx.Headers:
        """A server may quote the request; the key stays out of every text that is kept."""
        return httpx.Headers(
            [(name, value.replace(self._key, "[key]")) for name, value in response.headers.multi_items()]
        )


async def _slices(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The body bit by bit: its files are not copied, and httpx, whose answers stand in cycles, keeps nothing of it.

    Small pieces go together, since each bit passes four libraries on its way.
    """
    small = b""
    for piece in pieces:
        if len(small) + len(piece) <= _SLICE:
            small += piece
            continue
        if small:
            yield small
            small = b""
        for start in range(0, len(piece), _SLICE):
            yield piece[start : start + _SLICE]
    yield small


async def _bounded_body(response: httpx.Response) -> bytes:
    """The answer's bytes, as far as they are read."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MOST_ANSWER:
            break
    return bytes(body[:_MOST_ANSWER])
