"""Who is to blame: what follows from an Outcome for the message, its campaign and its transport.

A refusal that is about us (key, sender, size, policy) returns the message and, at once or after ten in a row, pauses the
campaign; an outage returns it and lets the transport rest; only what is about the recipient settles the message.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaigns.clock import Clock, to_micros
from campaigns.model.pause_above import LastMails, PauseAbove
from campaigns.model.retry import next_try
from campaigns.model.states import AttemptOutcome, MessageState, PauseReason
from campaigns.store.outbox import Candidate, Settlement
from campaigns.store.underway import SendingCampaign
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict

_IN_A_ROW = 10  # refusals about us, or equal texts without an enhanced code, that pause a campaign
_LOST_IN_A_ROW = 3  # uncertain hand-overs in a row after which a transport rests
_REST = (1, 2, 5, 10, 30, 60)  # seconds that a transport rests after the first, second, ... outage in a row
_FAILS_FROM = 5  # seconds of rest, or of an outage that lasts, from which a transport's fallback takes its place

_STATE = {
    Verdict.ACCEPTED: (MessageState.ACCEPTED, None),
    Verdict.REJECTED: (MessageState.REJECTED, AttemptOutcome.REJECTED),
    Verdict.UNCERTAIN: (MessageState.UNCERTAIN, AttemptOutcome.UNCERTAIN),
}
_ABOUT_A_RECIPIENT = (Stage.RCPT, Stage.DATA, Stage.BODY)
_TO_BE_TRIED_AGAIN = (Verdict.DEFERRED, Verdict.RETURNED)


def settlements(
    candidates: Sequence[Candidate], outcomes: Sequence[Outcome], campaign: SendingCampaign, clock: Clock
) -> list[Settlement]:
    """What is written down for leased messages; those that fared alike share an entry, unless they are to be tried again."""
    if not candidates:  # none of them was leased any more
        return []
    outcome, before = outcomes[0], candidates[0].attempts
    alone = len(candidates) == 1
    together = alone or (outcomes.count(outcome) == len(candidates) and all(c.attempts == before for c in candidates))
    if together and outcome.verdict not in _TO_BE_TRIED_AGAIN:
        return [_ended([candidate.id for candidate in candidates], outcome, before, clock.micros())]
    now = clock.now()
    alike: dict[tuple[Outcome, int], list[int]] = {}
    found = []
    for candidate, outcome in zip(candidates, outcomes, strict=True):
        if outcome.verdict in _TO_BE_TRIED_AGAIN:
            found.append(_again(candidate, outcome, campaign, now))
        else:
            alike.setdefault((outcome, candidate.attempts), []).append(candidate.id)
    found += [_ended(ids, outcome, attempts, to_micros(now)) for (outcome, attempts), ids in alike.items()]
    return found


class Complaint(StrEnum):
    """Whose haste a server complains of."""

    TRANSPORT = "transport"
    GROUP = "group"  # the recipient's domain group


def complaint(outcome: Outcome) -> Complaint | None:
    """Whether the answer asks to go slower: 421, 429, 4.7.x (RFC 3463: security or policy), or a time to wait."""
    if outcome.code in ("421", "429") or outcome.retry_after:
        return Complaint.TRANSPORT
    if not outcome.enhanced.startswith("4.7."):
        return None
    return Complaint.GROUP if outcome.stage in _ABOUT_A_RECIPIENT else Complaint.TRANSPORT


def _ended(ids: list[int], outcome: Outcome, attempts: int, at: int) -> Settlement:
    state, tried = _STATE[outcome.verdict]
    return Settlement(
        message_ids=tuple(ids),
        state=state,
        at=at,
        attempts=attempts + 1,
        remote_id=outcome.remote_id if len(ids) == 1 else None,  # a request's id stands with its hand-over
        outcome=tried,
        code=_code(outcome) if tried else "",
        text=outcome.text if tried else "",
    )


def _again(candidate: Candidate, outcome: Outcome, campaign: SendingCampaign, now: datetime) -> Settlement:
    deferred = outcome.verdict is Verdict.DEFERRED
    attempts = candidate.attempts + deferred
    return Settlement(
        message_ids=(candidate.id,),
        state=MessageState.QUEUED,
        at=to_micros(now),
        due_at=to_micros(next_try(attempts, now, retry_after=outcome.retry_after)) if deferred else candidate.due_at,
        attempts=attempts,
        give_up_after=campaign.give_up_after,
        outcome=AttemptOutcome.DEFERRED if deferred else None,
        code=_code(outcome),
        text=outcome.text,
    )


def _code(outcome: Outcome) -> str:
    return " ".join(part for part in (outcome.code, outcome.enhanced) if part)


@dataclass(slots=True)
class Health:
    """How a transport and its campaigns fare; decides when one rests and the other pauses."""

    clock: Clock
    resting_until: float = 0.0  # monotonic seconds
    trouble: str = ""  # a sentence for `status`, "" while all is well
    words: str = ""  # the server's, of the last outage
    since: datetime | None = None  # when that began
    failing: bool = False  # for so long that its mail goes another way, if there is one
    _began: float = 0.0  # monotonic seconds
    _outages: int = 0
    _lost: int = 0
    _about_us: dict[int, int] = field(default_factory=dict)
    _last_mails: dict[int, LastMails] = field(default_factory=dict)
    _texts: dict[int, tuple[str, int]] = field(default_factory=dict)

    def judge(self, outcome: Outcome, campaign: SendingCampaign) -> str:
        """Take note of an outcome; returns the reason to pause the campaign for, or ""."""
        if outcome.verdict is Verdict.ACCEPTED:
            self._well(campaign.id)
            return ""
        if outcome.blame is Blame.OUTAGE or outcome.verdict is Verdict.UNCERTAIN:
            self._outage(outcome)
            return ""
        if outcome.blame is Blame.US:
            return self._ours(outcome, campaign.id)
        self._answered()
        return self._refused(outcome, campaign.id)

    def count(self, outcomes: Sequence[Outcome], campaign: SendingCampaign) -> str:
        """Count towards the campaign's share of bad ends; returns the reason to pause it for, or ""."""
        if campaign.pause_above is None:
            return ""
        last = self._last_mails.setdefault(campaign.id, LastMails(campaign.pause_above))
        for outcome in outcomes:
            if outcome.verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.DEFERRED):
                last.add(outcome.verdict is not Verdict.ACCEPTED)
        if not last.too_many:
            return ""
        self._last_mails.pop(campaign.id)
        words = next(o for o in reversed(outcomes) if o.verdict in (Verdict.REJECTED, Verdict.DEFERRED))
        return too_many(last.bad, last.seen, campaign.pause_above, _words(words))

    def rests(self) -> float:
        """Seconds until the transport is tried again."""
        return max(0.0, self.resting_until - self.clock.monotonic()) if self.resting_until else 0.0

    def _answered(self) -> None:
        """The server speaks of recipients: it is there."""
        self._outages = self._lost = 0
        self.trouble, self.words, self.since, self.failing = "", "", None, False

    def _well(self, campaign_id: int) -> None:
        self._answered()
        self._about_us.pop(campaign_id, None)
        self._texts.pop(campaign_id, None)

    def _outage(self, outcome: Outcome) -> None:
        if outcome.verdict is Verdict.UNCERTAIN:
            self._lost += 1
            if self._lost < _LOST_IN_A_ROW:
                return
        if self.rests() > 0:
            return  # the other connections of the same outage
        rest = max(_REST[min(self._outages, len(_REST) - 1)], outcome.retry_after or 0)
        self._outages += 1
        self.resting_until = self.clock.monotonic() + rest
        if self.since is None:
            self.since, self._began = self.clock.now(), self.clock.monotonic()
        lasts = self.clock.monotonic() - self._began
        self.failing = self.failing or max(rest, lasts) >= _FAILS_FROM
        self.words = _words(outcome) or "No answer."
        self.trouble = f"{(outcome.text or 'No answer').rstrip('.')}. Trying again every {rest:.0f} s."

    def _ours(self, outcome: Outcome, campaign_id: int) -> str:
        count = self._about_us[campaign_id] = self._about_us.get(campaign_id, 0) + 1
        if not outcome.pauses and count < _IN_A_ROW:
            return ""
        self._about_us.pop(campaign_id)
        key = outcome.stage in (Stage.TLS, Stage.AUTH) or outcome.code in ("401", "403")
        return _reason(PauseReason.KEY if key else PauseReason.ERRORS, outcome)

    def _refused(self, outcome: Outcome, campaign_id: int) -> str:
        """Ten times the same words without an enhanced code are about us after all."""
        if outcome.verdict is not Verdict.REJECTED or outcome.enhanced:
            return ""
        text, count = self._texts.get(campaign_id, ("", 0))
        count = count + 1 if text == outcome.text else 1
        self._texts[campaign_id] = (outcome.text, count)
        if count < _IN_A_ROW:
            return ""
        self._texts.pop(campaign_id)
        return _reason(PauseReason.ERRORS, outcome)


def too_many(bad: int, seen: int, limit: PauseAbove, words: str) -> str:
    """The reason of a campaign that is paused because too many of its mails ended badly."""
    share = f"Of its last {seen:,} mails {bad:,} were rejected or deferred; it pauses above {limit}."
    return f"{PauseReason.ERRORS}: {share}" + (f" The last answer: {words}" if words else "")


def _reason(why: PauseReason, outcome: Outcome) -> str:
    return f"{why}: {_words(outcome)}".strip()


def _words(outcome: Outcome) -> str:
    return f"{_code(outcome)} {outcome.text}".strip()
