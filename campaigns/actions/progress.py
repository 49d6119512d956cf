"""How a verb tells how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then with the rows that are done, of how many; None where that is not known yet."""

    def __call__(self, done: int, total: int | None) -> None: ...


def silent(done: int, total: int | None) -> None:
    """Nobody watches."""
