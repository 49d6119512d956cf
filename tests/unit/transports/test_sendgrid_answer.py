import json
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.sendgrid_answer import Answer, not_begun, outcome_of, outcome_of_failure, rejected_rows


def answer(status: int, *errors: tuple[str, str | None], **headers: str) -> Answer:
    document = {"errors": [{"message": message, "field": field, "help": None} for message, field in errors]}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, httpx.Headers(named), json.dumps(document).encode())


@pytest.mark.parametrize(
    ("status", "verdict", "stage", "blame", "pauses"),
    [
        (200, Verdict.ACCEPTED, Stage.BODY, Blame.NOBODY, False),
        (202, Verdict.ACCEPTED, Stage.BODY, Blame.NOBODY, False),
        (301, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (307, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (400, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (401, Verdict.RETURNED, Stage.AUTH, Blame.US, True),
        (403, Verdict.RETURNED, Stage.AUTH, Blame.US, True),
        (404, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (405, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (406, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (408, Verdict.DEFERRED, Stage.BODY, Blame.NOBODY, False),
        (413, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (415, Verdict.RETURNED, Stage.BODY, Blame.US, True),
        (429, Verdict.DEFERRED, Stage.BODY, Blame.NOBODY, False),
        (500, Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, False),
        (502, Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, False),
        (503, Verdict.DEFERRED, Stage.BODY, Blame.OUTAGE, False),
        (504, Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, False),
        (599, Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE, False),
    ],
)
def test_each_status_has_its_meaning(status: int, verdict: Verdict, stage: Stage, blame: Blame, pauses: bool) -> None:
    outcome = outcome_of(answer(status, ("words", None)))
    assert (outcome.verdict, outcome.stage, outcome.blame, outcome.pauses) == (verdict, stage, blame, pauses)
    assert outcome.code == str(status)


def test_a_sender_that_nobody_verified_is_about_mail_not_about_the_key() -> None:
    outcome = outcome_of(answer(403, ("The from address does not match a verified Sender Identity.", "from")))
    assert (outcome.stage, outcome.pauses) == (Stage.MAIL, True)


def test_the_request_id_is_kept() -> None:
    assert outcome_of(answer(202, X_Message_Id="abc-_123")).remote_id == "abc-_123"


def test_the_request_id_may_be_missing() -> None:
    assert outcome_of(answer(202)).remote_id == ""


@pytest.mark.parametrize("asked", ["30", " 30 "])
def test_retry_after_counts_in_seconds(asked: str) -> None:
    assert outcome_of(answer(429, Retry_After=asked)).retry_after == 30


def test_retry_after_may_be_a_date() -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    waits = outcome_of(answer(503, Retry_After=format_datetime(at, usegmt=True))).retry_after
    assert waits == pytest.approx(100, abs=5)


def test_the_rate_limits_reset_is_an_epoch_second() -> None:
    waits = outcome_of(answer(429, X_RateLimit_Reset=str(int(time.time()) + 50))).retry_after
    assert waits == pytest.approx(50, abs=5)


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, None),
        ({"Retry_After": "9" * 400}, 86_400),
        ({"X_RateLimit_Reset": "1"}, 0),
        ({"X_RateLimit_Reset": "never"}, None),
    ],
)
def test_a_strange_wish_to_wait_is_bounded_or_ignored(headers: dict[str, str], waits: float | None) -> None:
    assert outcome_of(answer(429, **headers)).retry_after == waits


def test_the_servers_words_name_the_field() -> None:
    outcome = outcome_of(answer(400, ("Too short.", "subject"), ("Bad Request", None)))
    assert outcome.text == "Too short. (subject); Bad Request"


def test_the_servers_words_are_one_line_of_at_most_500_characters() -> None:
    text = outcome_of(answer(400, ("a\r\nb\x1b[31m" + "x" * 1_000, None))).text
    assert text.startswith("a b [31mxx")
    assert len(text) == 500


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Bad Request"),
        (b"upstream says no", "upstream says no"),
        (b"<html><body>Proxy</body></html>", "Bad Request"),
        (b"{not json", "Bad Request"),
        (b"[" * 100_000, "Bad Request"),
        (b'{"errors": "none"}', "Bad Request"),
        (b'{"errors": [1, null]}', "Bad Request"),
        (b'{"errors": [{}]}', "no reason given"),
        (b'{"errors": [{"message": null, "field": 5, "help": {}}]}', "no reason given (5)"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_any_body_gives_words(body: bytes, text: str) -> None:
    assert outcome_of(Answer(400, {}, body)).text == text


def test_a_status_that_nobody_registered_has_a_meaning_too() -> None:
    assert outcome_of(Answer(499, {}, b"")) == Outcome(Verdict.RETURNED, Stage.BODY, Blame.US, "499", pauses=True)


def test_a_400_whose_words_were_cut_off_is_an_outage() -> None:
    outcome = outcome_of(Answer(400, {}, None))
    assert (outcome.verdict, outcome.blame, outcome.pauses) == (Verdict.RETURNED, Blame.OUTAGE, False)


def test_rows_that_a_400_names_are_rejected_with_their_reasons() -> None:
    refused = answer(
        400,
        ("Does not contain a valid address.", "personalizations.1.to.0.email"),
        ("Too long.", "personalizations.1.subject"),
        ("Not this.", "personalizations[3].headers"),
    )
    rows = rejected_rows(refused, 5)
    assert {row: outcome.text for row, outcome in rows.items()} == {
        1: "Does not contain a valid address. (personalizations.1.to.0.email); Too long. (personalizations.1.subject)",
        3: "Not this. (personalizations[3].headers)",
    }
    assert {(o.verdict, o.stage, o.blame, o.code) for o in rows.values()} == {
        (Verdict.REJECTED, Stage.RCPT, Blame.RECIPIENT, "400")
    }


@pytest.mark.parametrize(
    "errors",
    [
        [],
        [("Bad Request", None)],
        [("You must have at least one personalization.", "personalizations")],
        [("Bad address.", "personalizations.0.to"), ("The subject is required.", "subject")],
        [("Out of range.", "personalizations.9.to")],
    ],
)
def test_a_400_that_is_not_only_about_rows_rejects_none(errors: list[tuple[str, str | None]]) -> None:
    assert rejected_rows(answer(400, *errors), 5) == {}


def test_all_rows_refused_for_one_reason_are_our_fault() -> None:
    refused = answer(400, *((f"Reserved. personalizations.{n}", f"personalizations.{n}.headers") for n in range(3)))
    assert rejected_rows(refused, 3) == {}
    assert outcome_of(refused).pauses


def test_all_rows_with_bad_addresses_are_rejected() -> None:
    refused = answer(400, *(("Not valid.", f"personalizations.{n}.to.0.email") for n in range(3)))
    assert sorted(rejected_rows(refused, 3)) == [0, 1, 2]


def test_one_row_alone_is_rejected_for_any_reason() -> None:
    assert sorted(rejected_rows(answer(400, ("Empty.", "personalizations.0.subject")), 1)) == [0]


def test_only_a_400_names_rows() -> None:
    assert rejected_rows(answer(403, ("No.", "personalizations.0.to")), 2) == {}


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full")]
)
def test_without_a_connection_nothing_left(error: Exception) -> None:
    outcome = outcome_of_failure(error)
    assert (outcome.verdict, outcome.stage, outcome.blame) == (Verdict.RETURNED, Stage.CONNECT, Blame.OUTAGE)
    assert not outcome.pauses


def _after(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_a_wrong_certificate_pauses() -> None:
    outcome = outcome_of_failure(_after(httpx.ConnectError("x"), ssl.SSLCertVerificationError("self-signed")))
    assert (outcome.verdict, outcome.stage, outcome.blame, outcome.pauses) == (
        Verdict.RETURNED,
        Stage.TLS,
        Blame.US,
        True,
    )


def test_a_broken_tls_greeting_is_an_outage() -> None:
    outcome = outcome_of_failure(_after(httpx.ConnectError("x"), ssl.SSLError("eof")))
    assert (outcome.stage, outcome.blame, outcome.pauses) == (Stage.TLS, Blame.OUTAGE, False)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.CloseError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.DecodingError("x"),
        TimeoutError(),
    ],
)
def test_any_other_end_of_a_begun_request_is_uncertain(error: Exception) -> None:
    outcome = outcome_of_failure(error)
    assert (outcome.verdict, outcome.stage, outcome.blame) == (Verdict.UNCERTAIN, Stage.BODY, Blame.OUTAGE)
    assert outcome.text


def test_after_an_uncertain_request_the_next_is_not_begun() -> None:
    outcome = not_begun(outcome_of(answer(500)))
    assert (outcome.verdict, outcome.blame, outcome.pauses) == (Verdict.RETURNED, Blame.OUTAGE, False)


@pytest.mark.parametrize("status", [401, 429])
def test_after_a_wish_to_wait_or_to_stop_the_next_meets_the_same(status: int) -> None:
    stopped: Any = outcome_of(answer(status, Retry_After="5"))
    assert not_begun(stopped) == stopped
