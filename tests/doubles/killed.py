"""A process that dies in the middle of a transaction, without ending this one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from campaigns.store.engine import Connection, Store


class Killed(BaseException):
    """As kill -9: nothing after it is written, whatever tidies up."""


@contextmanager
def killed_after(writes: int) -> Iterator[None]:
    """Die at the end of a transaction, before it is committed; all that come later die, too."""
    left = [writes]
    dying = {name: _dying(getattr(Store, name), left) for name in ("write", "write_page")}
    with mock.patch.multiple(Store, **dying):
        yield


def _dying(write: Any, left: list[int]) -> Any:
    @contextmanager
    def dying(store: Store) -> Iterator[Connection]:
        with write(store) as conn:
            yield conn
            left[0] -= 1
            if left[0] < 0:
                raise Killed

    return dying
