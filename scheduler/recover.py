"""What a worker does about the messages that a dead one left leased.

They may have been on the wire, so they become uncertain and are never sent again by themselves. A rehearsal's mail is
the exception: writing it to the Maildir again changes nothing there, so it simply goes back to queued.
"""

from collections.abc import Collection

import structlog

from campaigns.clock import Clock
from campaigns.model.states import AttemptOutcome, MessageState
from campaigns.store import outbox
from campaigns.store.engine import Store
from campaigns.store.outbox import Settlement

_BATCH = 1_000
_WORDS = "The worker ended while this mail was on its way; nobody answered for it."

log = structlog.get_logger()


def recover(store: Store, rehearsals: Collection[str], clock: Clock) -> int:
    """Settle what was left leased, as the only worker of the store; returns how many became uncertain."""
    uncertain = requeued = 0
    while True:
        with store.write() as connection:
            left = outbox.left_leased(connection, limit=_BATCH)
            at = clock.micros()
            outbox.settle(connection, [(_settlement(*one, rehearsals, at), None) for one in left])
        again = sum(transport in rehearsals for _, _, transport in left)
        requeued += again
        uncertain += len(left) - again
        if len(left) < _BATCH:
            break
    if uncertain or requeued:
        log.warning("messages.recovered", uncertain=uncertain, queued=requeued)
    return uncertain


def _settlement(message_id: int, attempts: int, transport: str, rehearsals: Collection[str], at: int) -> Settlement:
    if transport in rehearsals:
        return Settlement((message_id,), MessageState.QUEUED, at, due_at=at, attempts=attempts)
    return Settlement(
        (message_id,),
        MessageState.UNCERTAIN,
        at,
        attempts=attempts + 1,
        outcome=AttemptOutcome.UNCERTAIN,
        text=_WORDS,
    )
