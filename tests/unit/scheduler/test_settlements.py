"""What is written down for the messages of a hand-over."""

from types import SimpleNamespace
from typing import cast

from campaigns.store.outbox import Candidate
from campaigns.store.underway import SendingCampaign
from scheduler.blame import settlements
from scheduler.transports.contract import Outcome, Stage, Verdict
from tests.doubles.standing_clock import StandingClock

CAMPAIGN = cast("SendingCampaign", SimpleNamespace(give_up_after=3_600))
ACCEPTED = Outcome(Verdict.ACCEPTED, Stage.BODY)
REJECTED = Outcome(Verdict.REJECTED, Stage.RCPT, text="No such user.")


def candidate(number: int, attempts: int = 0) -> Candidate:
    return Candidate(number, 1, number, 0, 0, attempts, 1, f"p{number}@example.com", b"12345678", b"\x01")


def ids(*told: tuple[Candidate, Outcome]) -> list[tuple[int, ...]]:
    found = settlements([one for one, _ in told], [outcome for _, outcome in told], CAMPAIGN, StandingClock())
    return sorted(settlement.message_ids for settlement in found)


def test_a_turn_of_which_nothing_was_leased_any_more_leaves_nothing_to_settle() -> None:
    assert ids() == []


def test_those_that_fared_alike_share_an_entry() -> None:
    assert ids(*((candidate(n), ACCEPTED) for n in (1, 2, 3))) == [(1, 2, 3)]


def test_other_answers_and_other_numbers_of_tries_have_entries_of_their_own() -> None:
    assert ids((candidate(1), ACCEPTED), (candidate(2), REJECTED), (candidate(3), ACCEPTED)) == [(1, 3), (2,)]
    assert ids((candidate(1), ACCEPTED), (candidate(2, attempts=1), ACCEPTED)) == [(1,), (2,)]
