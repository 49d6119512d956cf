"""However many messages are queued, what the worker asks again and again finds its place in an index."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Engine, event

from campaigns.clock import to_micros
from campaigns.model.throttle import Throttle
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign
from tests.doubles.scripted_transport import ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, virtually

_SMALL = ("ix_messages_proofs", "ix_messages_leased")  # hold what is on its way, never all that waits


def test_no_statement_of_the_worker_walks_through_all_that_is_queued(stage: Any) -> None:
    add_campaign(stage.store, "fair", 60, throttles="30/s", now=to_micros(START))

    async def play(clock: VirtualClock) -> None:
        ways = [Way(ScriptedTransport(clock), [Throttle.parse("20/s")])]
        await stage.worker(clock, *ways).run(until_idle=True)

    with _statements() as asked:
        virtually(play)
    assert any("UPDATE messages" in text for text in asked)
    walks = {text: walk for text, parameters in asked.items() for walk in _walks(stage.store.path, text, parameters)}
    assert walks == {}


@contextmanager
def _statements() -> Iterator[dict[str, Any]]:
    """What the stores' engines execute, each text with the parameters that it had first."""
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        if "messages" in text:
            asked.setdefault(text, parameters[0] if many else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _walks(path: Any, text: str, parameters: Any) -> list[str]:
    """The steps of SQLite's plan that look at every message, or at every queued one."""
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)]
    return [step for step in plan if step.startswith("SCAN messages") and not step.endswith(_SMALL)]
