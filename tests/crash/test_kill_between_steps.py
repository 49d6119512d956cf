"""kill -9 between any two steps of dispatch: what the store says then, and that nothing is sent twice after it.

One connection carries twelve messages in the order of their ids; the crash is about message 7, and over SendGrid, three
to a request, about the request of 7, 8 and 9.
"""

import subprocess
import sys

import pytest

from campaigns.model.states import MessageState
from tests.crash.crashing_worker import CRASHED
from tests.crash.ground import KILLED, Ground, Taken, relay
from tests.doubles.command_line import until
from tests.doubles.sendgrid_double import KEY, SendgridDouble
from tests.doubles.serving import serving
from tests.doubles.smtp_server import KeptMail, SmtpServer

PEOPLE, ABOUT = 12, 7
Q, L, A, U = MessageState.QUEUED, MessageState.LEASED, MessageState.ACCEPTED, MessageState.UNCERTAIN

# What stands in the store after the crash, and whether the server has the mail. The settlement of the message before may
# travel in the transaction of this one's lease: if that is lost, so is the settlement.
STEPS = [
    ("before_the_lease_is_committed", {L, A}, Q, False),
    ("after_the_lease_before_the_write", {A}, L, False),
    ("after_the_reply_before_the_settlement", {A}, L, True),
    ("before_the_settlement_is_committed", {A}, L, True),
    ("after_the_settlement", {A}, A, True),
]
each_step = pytest.mark.parametrize(("step", "before", "after", "arrived"), STEPS, ids=[step for step, *_ in STEPS])


@each_step
def test_over_smtp(
    ground: Ground, taken: Taken, step: str, before: set[MessageState], after: MessageState, arrived: bool
) -> None:
    with serving(SmtpServer(on_mail=taken.mail)) as server:
        ground.settle(relay(server.port, 1))
        ground.fill(PEOPLE)
        crash(ground, step)
        states = by_id(ground)
        assert states[ABOUT - 1] in before
        assert states[ABOUT] is after
        assert people(taken) == set(range(1, ABOUT + arrived))
        finish(ground, taken, uncertain={message for message, state in states.items() if state is L})


@each_step
def test_over_sendgrid(
    ground: Ground, taken: Taken, step: str, before: set[MessageState], after: MessageState, arrived: bool
) -> None:
    with serving(SendgridDouble(on_mails=taken.mails)) as double:
        ground.settle(cloud(double.url), f'[transports.cloud]\napi_key = "{KEY}"\n')
        ground.fill(PEOPLE, transport="cloud")
        crash(ground, step)
        states = by_id(ground)
        assert states[4] is states[5] is states[6]
        assert states[6] in before
        assert {states[message] for message in (7, 8, 9)} == {after}
        assert people(taken) == set(range(1, 10 if arrived else 7))
        finish(ground, taken, uncertain={message for message, state in states.items() if state is L})


def test_over_smtp_after_the_write_before_the_reply(ground: Ground, taken: Taken) -> None:
    struck: list[int] = []

    def take(mail: KeptMail) -> None:
        """The server has the seventh mail, and its sender dies before it is answered."""
        taken.mail(mail)
        if taken.count == ABOUT and not struck:
            worker.kill()
            struck.append(worker.wait())

    with serving(SmtpServer(on_mail=take)) as server:
        ground.settle(relay(server.port, 1))
        ground.fill(PEOPLE)
        worker = start(ground, "nowhere")
        until(lambda: struck)
        assert struck == [KILLED]
        assert [by_id(ground)[message] for message in (ABOUT - 1, ABOUT, ABOUT + 1)] == [A, L, Q]
        finish(ground, taken, uncertain={ABOUT})


def test_over_sendgrid_after_the_write_before_the_reply(ground: Ground, taken: Taken) -> None:
    with serving(SendgridDouble(on_mails=taken.mails)) as double:
        double.script("ok", "ok", "silence-taken")
        ground.settle(cloud(double.url), f'[transports.cloud]\napi_key = "{KEY}"\n')
        ground.fill(PEOPLE, transport="cloud")
        worker = start(ground, "nowhere")
        taken.reaches(9)
        worker.kill()
        assert worker.wait() == KILLED
        assert [by_id(ground)[message] for message in range(1, 13)] == [A] * 6 + [L] * 3 + [Q] * 3
        finish(ground, taken, uncertain={7, 8, 9})


@pytest.mark.parametrize(
    ("step", "after"),
    [
        ("before_the_lease_is_committed", Q),
        ("after_the_lease_before_the_write", L),
        ("while_mails_are_renamed", L),
        ("after_the_mails_are_written", L),
        ("after_the_reply_before_the_settlement", L),
        ("before_the_settlement_is_committed", L),
        ("after_the_settlement", A),
    ],
)
def test_a_rehearsal_is_written_once_and_nothing_of_it_stays_uncertain(
    ground: Ground, step: str, after: MessageState
) -> None:
    ground.settle("")
    ground.fill(PEOPLE, transport="local", leaves=False)
    crash(ground, step)
    assert set(by_id(ground).values()) == {after}
    ground.finish()
    assert set(by_id(ground).values()) == {A}
    mails = [path.name for folder in ("new", "cur", "tmp") for path in (ground.root / "mail" / folder).iterdir()]
    assert sorted(mails) == sorted(f"{name}.eml" for name in ground.states())


def cloud(url: str) -> str:
    return f'[transports.cloud]\nkind = "sendgrid"\nbase_url = "{url}"\nbatch = 3\nconnections = 1\n'


def start(ground: Ground, step: str) -> "subprocess.Popen[bytes]":
    line = [sys.executable, "-m", "tests.crash.crashing_worker", step, str(ABOUT)]
    return subprocess.Popen(line, cwd=ground.root, env=ground.line.environment(), stderr=subprocess.DEVNULL)


def crash(ground: Ground, step: str) -> None:
    worker = start(ground, step)
    try:
        assert worker.wait(30) == CRASHED
    finally:
        worker.kill()
        worker.wait()


def finish(ground: Ground, taken: Taken, *, uncertain: set[int]) -> None:
    """After a restart: what was leased is uncertain and is not sent again, the rest leaves once."""
    before = people(taken)
    ground.finish()
    states = by_id(ground)
    assert {message for message, state in states.items() if state is U} == uncertain
    assert all(state in (A, U) for state in states.values())
    assert people(taken) == before | (set(states) - uncertain)


def people(taken: Taken) -> set[int]:
    """Whose mails the server took, by message id; an AssertionError if it took one twice."""
    return {int(message_id.strip("<").partition(".")[0], 16) for message_id in taken.so_far()}


def by_id(ground: Ground) -> dict[int, MessageState]:
    return {int(name.partition(".")[0], 16): state for name, state in ground.states().items()}
