"""What SendGrid's answers mean for the messages of a request, and what it means when none comes.

    200, 202                  accepted
    400 that names rows       those are rejected; the others did not leave
    408, 429, 503             deferred: it asks to wait
    other 1xx to 4xx          returned, and somebody must look: key, sender, size or address of the service
    other 5xx, no answer      uncertain: there is no idempotency key, the mail may have left
    no connection             returned, an outage

413 is no reason to try halves: requests are kept under the documented size before, so only a person knows more.
"""

import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from scheduler.transports.contract import Blame, Outcome, Stage, Verdict

MOST_TEXT = 500  # characters of the server's words
MOST_WAIT = 86_400.0  # seconds; no wish to wait is followed for longer
_WAIT = frozenset({408, 429, 503})  # 408: the request was not received in full (RFC 9110 15.5.9)
_ROW = re.compile(r"personalizations[.\[](\d+)\]?(?:\.(\w+))?")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes | None  # None: it was cut off


def outcome_of(answer: Answer) -> Outcome:
    """What the answer means for each message of its request."""
    status = answer.status
    code, text = str(status), _words(answer)
    if 200 <= status < 300:
        remote_id = _printable(answer.headers.get("X-Message-Id", ""))[:200]
        return Outcome(Verdict.ACCEPTED, Stage.BODY, code=code, text=text, remote_id=remote_id)
    if status in _WAIT:
        blame = Blame.OUTAGE if status == 503 else Blame.NOBODY
        wait = _retry_after(answer.headers)
        return Outcome(Verdict.DEFERRED, Stage.BODY, blame, code, text=text, retry_after=wait)
    if status >= 500:
        return Outcome(Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, code, text=text)
    if status == 400 and answer.body is None:  # refused, but the words that say why were cut off
        return Outcome(Verdict.RETURNED, Stage.BODY, Blame.OUTAGE, code, text=text)
    return Outcome(Verdict.RETURNED, _stage(answer), Blame.US, code, text=text, pauses=True)


def outcome_of_failure(error: Exception) -> Outcome:
    """What it means for each message of a request that no answer came."""
    text = _one_line(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return Outcome(Verdict.RETURNED, Stage.TLS, Blame.US, text=text, pauses=True)
        stage = Stage.TLS if any(isinstance(cause, ssl.SSLError) for cause in causes) else Stage.CONNECT
        return Outcome(Verdict.RETURNED, stage, Blame.OUTAGE, text=text)
    return Outcome(Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, text=text)


def not_begun(stopped_by: Outcome) -> Outcome:
    """What becomes of messages whose request was not begun, because of what another one met."""
    if stopped_by.verdict is Verdict.UNCERTAIN:
        text = f"Not begun: the request before it ended with {stopped_by.code or stopped_by.text}."
        return Outcome(Verdict.RETURNED, stopped_by.stage, Blame.OUTAGE, text=_one_line(text))
    return stopped_by._replace(remote_id="")


def rejected_rows(answer: Answer, rows: int) -> dict[int, Outcome]:
    """The rows of a request that a 400 rejects, with the reason; none if it is about anything else.

    When all rows of several are refused for one reason that is not their address, the template is at fault or we are.
    """
    if answer.status != 400:
        return {}
    reasons: dict[int, list[str]] = {}
    addresses = False
    for error in _errors(answer):
        named = _ROW.match(str(error.get("field") or ""))
        if not named or int(named[1]) >= rows:
            return {}
        addresses = addresses or named[2] == "to"
        reasons.setdefault(int(named[1]), []).append(_sentence(error))
    if not addresses and 1 < rows == len(reasons) and len({tuple(_without_numbers(r)) for r in reasons.values()}) == 1:
        return {}
    return {
        row: Outcome(Verdict.REJECTED, Stage.RCPT, Blame.RECIPIENT, "400", text=_one_line("; ".join(texts)))
        for row, texts in reasons.items()
    }


def _without_numbers(sentences: list[str]) -> list[str]:
    return [_ROW.sub(r"\2", sentence) for sentence in sentences]


def _stage(answer: Answer) -> Stage:
    """401 is about the key; 403 about the key's rights, or about a From that is nobody's verified sender."""
    if answer.status not in (401, 403):
        return Stage.BODY
    about_from = any(str(error.get("field") or "").startswith("from") for error in _errors(answer))
    return Stage.MAIL if about_from else Stage.AUTH


def _words(answer: Answer) -> str:
    if errors := _errors(answer):
        return _one_line("; ".join(_sentence(error) for error in errors))
    text = (answer.body or b"")[: 4 * MOST_TEXT].decode(errors="replace").strip()
    if text and not text.startswith(("<", "{", "[")):  # no page of a proxy, no other document
        return _one_line(text)
    return HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else ""


def _sentence(error: Mapping[str, Any]) -> str:
    message, field = str(error.get("message") or "no reason given"), error.get("field")
    return f"{message} ({field})" if field else message


def _errors(answer: Answer) -> list[dict[str, Any]]:
    """SendGrid's error document: {"errors": [{"message", "field", "help"}]}; message and field may be null."""
    try:
        document = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return []
    errors = document.get("errors") if isinstance(document, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: Retry-After (RFC 9110 10.2.3), else X-RateLimit-Reset, an epoch second."""
    asked = headers.get("Retry-After", "").strip()
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if _whole(asked):
        wait = float(asked)
    elif asked:
        try:
            at = parsedate_to_datetime(asked)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    elif _whole(reset):
        wait = float(reset) - time.time()
    else:
        return None
    return min(max(wait, 0.0), MOST_WAIT)


def _whole(number: str) -> bool:
    return number.isascii() and number.isdigit()


def _one_line(text: str) -> str:
    return " ".join(_printable(text).split())[:MOST_TEXT]


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
