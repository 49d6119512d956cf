"""What servers say, and who is to blame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.transports.contract import Blame, Stage, Verdict
from scheduler.transports.smtp_replies import GarbageError, Replies, Reply, complains_of_pipelining, judge


def read(data: bytes) -> list[Reply]:
    replies = Replies()
    replies.feed(data)
    return list(iter(replies.next, None))


def test_a_reply_of_several_lines_is_one() -> None:
    assert read(b"250-mail.example.net\r\n250-SIZE 100\r\n250 PIPELINING\r\n") == [
        Reply(250, (b"mail.example.net", b"SIZE 100", b"PIPELINING"))
    ]


def test_a_reply_without_words_is_one() -> None:
    assert read(b"250\r\n354 \r\n") == [Reply(250, (b"",)), Reply(354, (b"",))]


@given(st.lists(st.integers(1, 30), max_size=20))
def test_packets_may_be_cut_anywhere(sizes: list[int]) -> None:
    data = b"250-2.1.0 Ok\r\n250 so\r\n550 5.1.1 No such user\r\n354 go\r\n"
    replies = Replies()
    start = 0
    for size in sizes:
        replies.feed(data[start : start + size])
        start += size
    replies.feed(data[start:])
    assert [reply.code for reply in iter(replies.next, None)] == [250, 550, 354]


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"99 x\r\n",
        b"199 x\r\n",
        b"600 x\r\n",
        b"250+x\r\n",
        b"\r\n",
        b"250-a\r\n550 b\r\n",
        "٢٥٠ x\r\n".encode(),
    ],
)
def test_what_is_no_smtp_is_garbage(data: bytes) -> None:
    with pytest.raises(GarbageError):
        read(data)


@pytest.mark.parametrize(
    "data", [b"2" * 5_000, b"250 " + b"x" * 5_000 + b"\r\n", b"250-" + b"x" * 900 + b"\r\n", b"250 Ok\r\n"]
)
def test_a_server_that_talks_without_end_is_stopped(data: bytes) -> None:
    replies = Replies()

    def talk() -> None:
        for _ in range(1_000):
            replies.feed(data)

    with pytest.raises(GarbageError):
        talk()


def test_a_good_reply_before_garbage_still_counts() -> None:
    replies = Replies()
    with pytest.raises(GarbageError):
        replies.feed(b"250 Ok\r\nnonsense\r\n")
    assert replies.next() == Reply(250, (b"Ok",))


RETURNED_TO_US = (Verdict.RETURNED, Blame.US)
OUTAGE = (Verdict.RETURNED, Blame.OUTAGE)
REJECTED = (Verdict.REJECTED, Blame.RECIPIENT)
DEFERRED = (Verdict.DEFERRED, Blame.RECIPIENT)


@pytest.mark.parametrize(
    ("stage", "line", "verdict_and_blame", "pauses"),
    [
        (Stage.CONNECT, "554 5.7.1 Your address is blocked", RETURNED_TO_US, False),
        (Stage.CONNECT, "421 4.7.0 Too many connections", OUTAGE, False),
        (Stage.CONNECT, "450 Later", OUTAGE, False),
        (Stage.TLS, "454 4.7.0 TLS not available", OUTAGE, False),
        (Stage.TLS, "501 No", RETURNED_TO_US, True),
        (Stage.AUTH, "535 5.7.8 Authentication failed", RETURNED_TO_US, True),
        (Stage.AUTH, "454 4.7.0 Temporary authentication failure", OUTAGE, False),
        (Stage.AUTH, "451 Authentication failed: Maximum credits exceeded", RETURNED_TO_US, True),
        (Stage.AUTH, "432 4.7.12 A password transition is needed", RETURNED_TO_US, True),
        (Stage.MAIL, "550 Unauthenticated senders not allowed", RETURNED_TO_US, True),
        (Stage.MAIL, "553 5.1.8 Sender domain not found", RETURNED_TO_US, True),
        (Stage.MAIL, "451 4.3.0 Try later", OUTAGE, False),
        (Stage.MAIL, "451 You've exceeded your messaging limits", RETURNED_TO_US, True),
        (Stage.RCPT, "550 5.1.1 No such user", REJECTED, False),
        (Stage.RCPT, "550-5.1.1 No such user\n550 5.1.1 Look again", REJECTED, False),
        (Stage.RCPT, "550 5.2.1 Mailbox disabled", REJECTED, False),
        (Stage.RCPT, "552 5.2.2 Mailbox full", REJECTED, False),
        (Stage.RCPT, "550 No such user", REJECTED, False),
        (Stage.RCPT, "550 5.0.0 No", REJECTED, False),
        (Stage.RCPT, "550 5.1.8 Sender address rejected: Domain not found", RETURNED_TO_US, False),
        (Stage.RCPT, "550 5.1.10 Null MX", REJECTED, False),
        (Stage.RCPT, "550 5.7.1 Relaying denied", RETURNED_TO_US, False),
        (Stage.RCPT, "554 5.7.515 Access denied", RETURNED_TO_US, False),
        (Stage.RCPT, "552 5.3.4 Too big", RETURNED_TO_US, False),
        (Stage.RCPT, "503 5.5.1 Out of order", RETURNED_TO_US, False),
        (Stage.RCPT, "550 5.4.4 Unroutable", DEFERRED, False),
        (Stage.RCPT, "450 4.2.0 Greylisted", DEFERRED, False),
        (Stage.RCPT, "452 4.5.3 Too many recipients", DEFERRED, False),
        (Stage.RCPT, "421 4.3.2 Shutting down", OUTAGE, False),
        (Stage.RCPT, "550 5.1.1.1 is no enhanced code", REJECTED, False),
        (Stage.DATA, "554 5.5.1 No valid recipients", RETURNED_TO_US, False),
        (Stage.DATA, "451 4.3.0 Queue file write error", DEFERRED, False),
        (Stage.BODY, "250 2.0.0 Ok", (Verdict.ACCEPTED, Blame.NOBODY), False),
        (Stage.BODY, "451 4.7.1 Greylisted", DEFERRED, False),
        (Stage.BODY, "421 4.3.2 Shutting down", OUTAGE, False),
        (Stage.BODY, "554 5.6.0 Malformed", RETURNED_TO_US, False),
        (Stage.BODY, "550 The from address does not match a verified Sender Identity", RETURNED_TO_US, False),
        (Stage.BODY, "550 5.1.1 No such user", REJECTED, False),
        (Stage.BODY, "552 5.2.3 Too big for this mailbox", REJECTED, False),
        (Stage.BODY, "554 5.7.1 Spam", RETURNED_TO_US, False),
        (Stage.BODY, "354 Go on", (Verdict.UNCERTAIN, Blame.OUTAGE), False),
    ],
)
def test_who_is_to_blame(stage: Stage, line: str, verdict_and_blame: tuple[Verdict, Blame], pauses: bool) -> None:
    (reply,) = read(line.replace("\n", "\r\n").encode() + b"\r\n")
    outcome = judge(stage, reply, reply.text)
    assert (outcome.verdict, outcome.blame) == verdict_and_blame
    assert outcome.pauses is pauses
    assert (outcome.stage, outcome.code) == (stage, line[:3])


def test_the_enhanced_code_and_the_words_are_kept() -> None:
    outcome = judge(Stage.RCPT, Reply(550, (b"5.1.1 No such user", b"\x1b[31mhere")), Reply(550, (b"5.1.1 No",)).text)
    assert outcome.enhanced == "5.1.1"
    assert Reply(550, (b"No\tsuch", b"\x1b[31muser \xff")).text == "No such [31muser �"


@pytest.mark.parametrize(
    ("words", "remote_id"),
    [
        ("2.0.0 Ok: queued as 4XABC", "4XABC"),
        ("Ok: queued as a1B2-c_3d", "a1B2-c_3d"),
        ("OK id=1rAbcd-000Xyz-1f", "1rAbcd-000Xyz-1f"),
        ("2.0.0 OK  1700000000 d9443c01a7336-1c8 - gsmtp", ""),
    ],
)
def test_the_name_that_the_server_gave_the_mail_is_found(words: str, remote_id: str) -> None:
    assert judge(Stage.BODY, Reply(250, (words.encode(),)), words).remote_id == remote_id


def test_complaints_of_pipelining_are_known() -> None:
    assert complains_of_pipelining(Reply(554, (b"SMTP synchronization error",)))
    assert complains_of_pipelining(
        Reply(503, (b"5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining",))
    )
    assert not complains_of_pipelining(Reply(250, (b"PIPELINING",)))
    assert not complains_of_pipelining(Reply(550, (b"5.1.1 No such user",)))
