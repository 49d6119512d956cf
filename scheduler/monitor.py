"""`/metrics` and `/healthz`: how the worker fares, for Prometheus and whoever else watches it on this machine."""

import json
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from campaigns.clock import Clock
from campaigns.errors import StoreError
from campaigns.store.backlog import Backlog, backlog
from campaigns.store.engine import Store
from scheduler.doing import Beat
from scheduler.loopback import Page, Pages
from scheduler.metrics import CONTENT_TYPE, Snapshot, text

STILL = 15.0  # seconds without a beat after which the worker stands still; `status` calls it dead after as many
_COUNT_EVERY = 10.0  # seconds

log = structlog.get_logger()


class Monitor:
    """Keeps what the last beat told, and serves it from another thread.

    The event loop only hands over what it knows. The queue is counted in a thread, on every fifth beat, whether somebody
    reads or not: reading costs the store nothing. All that threads share is replaced whole, never changed.
    """

    def __init__(self, listen: str, store: Store, clock: Clock, version: str) -> None:
        self._store = store
        self._clock = clock
        self._version = version
        self._beat: Beat | None = None
        self._heard_at = clock.monotonic()
        self._committed_at: float | None = None
        self._backlog: list[Backlog] = []
        self._stopping = False
        self._counting: Future[None] | None = None
        self._count_at = self._heard_at
        self._counter = ThreadPoolExecutor(1, "backlog")
        self._pages = Pages(listen, {"/metrics": self._metrics, "/healthz": self._healthz})

    def started(self) -> None:
        self._heard_at = self._clock.monotonic()
        self._count_now()

    def beat(self, beat: Beat) -> None:
        self._beat, self._heard_at = beat, self._clock.monotonic()
        if not beat.refusal:
            self._committed_at = self._heard_at
        if self._heard_at >= self._count_at and (self._counting is None or self._counting.done()):
            self._count_now()

    def stopping(self) -> None:
        self._stopping = True

    def close(self) -> None:
        """Answer nobody any more."""
        self._pages.close()
        self._counter.shutdown(wait=True)

    def _count_now(self) -> None:
        self._count_at = self._clock.monotonic() + _COUNT_EVERY
        self._counting = self._counter.submit(self._count)

    def _count(self) -> None:
        try:
            with self._store.read() as connection:
                self._backlog = backlog(connection, self._clock.micros())
        except StoreError as error:
            self._backlog = []  # no figures rather than old ones
            log.warning("backlog.unreadable", reason=error.sentence)

    def _metrics(self) -> Page:
        since = self._committed_at
        committed = None if since is None else self._clock.monotonic() - since
        snapshot = Snapshot(self._version, self._clock.micros(), self._beat, committed, self._backlog)
        return Page(200, CONTENT_TYPE, text(snapshot))

    def _healthz(self) -> Page:
        reason = self._unwell()
        told = {"healthy": not reason, "reason": reason, "version": self._version}
        return Page(503 if reason else 200, "application/json", f"{json.dumps(told, ensure_ascii=False)}\n".encode())

    def _unwell(self) -> str:
        """Why nothing leaves, or nothing."""
        silent = self._clock.monotonic() - self._heard_at
        if silent > STILL:
            return f"The worker stands still: no sign of life for {silent:.0f} s."
        if self._stopping:
            return "The worker is stopping."
        return self._beat.stops if self._beat else ""
