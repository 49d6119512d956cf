"""A real worker that ends, as if by kill -9, between two steps of dispatch: `python -m tests.crash.crashing_worker POINT ID`.

POINT is one of the functions below, ID the message that it is about. Only this process is changed, from outside.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from campaigns.store.engine import Store
from scheduler import cli
from scheduler.ledger import Ledger, Stretch
from scheduler.transports.maildir import MaildirConnection


def before_the_lease_is_committed(message: int) -> None:
    def crashed(self: Ledger, connection: Any, wishes: Any) -> Any:
        granted = lease(self, connection, wishes)
        end_if(message in granted)
        return granted

    lease, Ledger._lease = Ledger._lease, crashed  # type: ignore[method-assign]


def after_the_lease_before_the_write(message: int) -> None:
    def crashed(self: Ledger, batch: Any) -> Any:
        granted = commit(self, batch)
        end_if(message in granted)
        return granted

    commit, Ledger._commit = Ledger._commit, crashed  # type: ignore[method-assign]


def after_the_reply_before_the_settlement(message: int) -> None:
    def crashed(self: Ledger, stretch: Stretch | None, settlements: Sequence[Any]) -> None:
        end_if(speaks_of(message, settlements))
        settle(self, stretch, settlements)

    settle, Ledger.settle = Ledger.settle, crashed  # type: ignore[method-assign]


def before_the_settlement_is_committed(message: int) -> None:
    batches: list[Any] = []

    def noted(self: Ledger, batch: Any) -> Any:
        batches.append(batch)
        return commit(self, batch)

    @contextlib.contextmanager
    def crashed(self: Store) -> Iterator[Any]:
        with write(self) as connection:
            yield connection
            end_if(bool(batches) and speaks_of(message, [settlement for _, settlement in batches[-1].settlements]))

    commit, Ledger._commit = Ledger._commit, noted  # type: ignore[method-assign]
    write, Store.write = Store.write, crashed  # type: ignore[method-assign]


def after_the_settlement(message: int) -> None:
    def crashed(self: Ledger, batch: Any) -> Any:
        granted = commit(self, batch)
        end_if(speaks_of(message, [settlement for _, settlement in batch.settlements]))
        return granted

    commit, Ledger._commit = Ledger._commit, crashed  # type: ignore[method-assign]


def while_mails_are_renamed(message: int) -> None:
    """Into the Maildir: those before this message stand in `new`, it and the others in `tmp`."""

    def crashed(self: Path, target: Path) -> Path:
        end_if(target.name.startswith(f"{message:x}."))
        return rename(self, target)

    rename, Path.rename = Path.rename, crashed  # type: ignore[method-assign]


def after_the_mails_are_written(message: int) -> None:
    def crashed(self: MaildirConnection, messages: Sequence[Any]) -> Any:
        outcomes = write(self, messages)
        end_if(any(one.id == message for one in messages))
        return outcomes

    write, MaildirConnection._write = MaildirConnection._write, crashed  # type: ignore[method-assign]


def nowhere(message: int) -> None:
    """It is killed from outside."""


def nowhere_and_nothing_is_synced(message: int) -> None:
    """For drills to show that they would see it."""
    Store.write = Store.write_page  # type: ignore[method-assign]


def speaks_of(message: int, settlements: Sequence[Any]) -> bool:
    return any(message in settlement.message_ids for settlement in settlements)


def end_if(here: bool) -> None:
    if here:
        os._exit(CRASHED)


CRASHED = 99
POINTS: dict[str, Callable[[int], None]] = {
    point.__name__: point
    for point in (
        before_the_lease_is_committed,
        after_the_lease_before_the_write,
        after_the_reply_before_the_settlement,
        before_the_settlement_is_committed,
        after_the_settlement,
        while_mails_are_renamed,
        after_the_mails_are_written,
        nowhere,
        nowhere_and_nothing_is_synced,
    )
}

if __name__ == "__main__":
    _, point, message = sys.argv
    POINTS[point](int(message))
    sys.argv = ["mergecast", "run", "--until-idle"]
    cli.main()
