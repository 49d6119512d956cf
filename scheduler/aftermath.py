"""What follows from an answer: the settlement, and whether a transport rests, a campaign pauses or a pace falls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from campaigns.clock import Clock
from campaigns.store.outbox import Candidate
from scheduler.blame import Complaint, Health, complaint, settlements
from scheduler.ledger import Ledger, Stretch, Turn
from scheduler.line import Line
from scheduler.rates import Rates
from scheduler.transports.contract import BatchConnection, Outcome, SteppingConnection, Transport, Verdict

log = structlog.get_logger()


@dataclass(slots=True)
class Through:
    """A connection, and what it carries from one opening to the next."""

    connection: BatchConnection | SteppingConnection
    stretch: Stretch
    opened: int = 0


class Aftermath:
    """Of all hand-overs of one transport."""

    def __init__(self, transport: Transport, line: Line, ledger: Ledger, clock: Clock) -> None:
        self.health = Health(clock)
        self.rates = Rates(clock)
        self._transport = transport
        self._line = line
        self._ledger = ledger
        self._clock = clock

    def settle(self, turn: Turn, leased: Sequence[Candidate], outcomes: Sequence[Outcome], through: Through) -> None:
        """Have it written down what became of leased messages, and draw the conclusions."""
        stretch = through.stretch
        if self._transport.batch > 1 and outcomes:  # each hand-over is a request of its own
            first, host = outcomes[0], through.connection.host
            stretch = Stretch(self._transport.name, host, first.remote_id, first.code, first.text)
        stretch.rows += len(leased)
        self._ledger.settle(stretch, settlements(leased, outcomes, turn.campaign, self._clock))
        self._line.done(leased)
        if turn.throttles:
            verdicts = [outcome.verdict for outcome in outcomes if outcome.verdict is not Verdict.RETURNED]
            self._line.answered(turn, len(verdicts), verdicts.count(Verdict.DEFERRED))
        for outcome in _different(outcomes):
            if outcome.verdict is not Verdict.RETURNED:
                self.rates.handed_over[turn.lane] += outcomes.count(outcome)
            self.judge(turn, outcome)
        if turn.campaign.pause_above is not None and (reason := self.health.count(outcomes, turn.campaign)):
            self._ledger.pause(turn.campaign, reason)

    def judge(self, turn: Turn, outcome: Outcome) -> None:
        """Let a transport rest, a campaign pause, or a pace fall, where the outcome asks for it."""
        before = self.health.trouble
        if reason := self.health.judge(outcome, turn.campaign):
            self._ledger.pause(turn.campaign, reason)
        if self.health.trouble != before:
            self._tell(before)
        if outcome.verdict is not Verdict.ACCEPTED and (about := complaint(outcome)) is not None:
            self._slow(turn, outcome, about)

    def _slow(self, turn: Turn, outcome: Outcome, about: Complaint) -> None:
        """The transport, or the recipient's domain group on it, goes slower than it goes now."""
        group = self._line.group_of(turn.lane) if about is Complaint.GROUP else None
        going = self.rates.rate(lambda lane: group is None or self._line.group_of(lane) == group)
        going = max(going, self._transport.connections)  # what has just begun goes faster than its count so far says
        whose, pace, first = self._line.slow(turn, group, going, outcome.retry_after)
        self._ledger.keep_pace(whose, pace)
        if first:
            log.warning("pace.fell", whose=whose, per_minute=round(pace.rate * 60, 1), reason=outcome.text)

    def _tell(self, before: str) -> None:
        if not self.health.trouble:
            log.info("transport.recovered", transport=self._transport.name)
        elif not before:
            log.warning("transport.failing", transport=self._transport.name, reason=self.health.trouble)


def _different(outcomes: Sequence[Outcome]) -> Iterable[Outcome]:
    """Each once; most of a request's are one and the same, which is sooner seen than its hash is made."""
    if len(outcomes) == 1:
        return outcomes
    return dict.fromkeys({id(outcome): outcome for outcome in outcomes}.values())
