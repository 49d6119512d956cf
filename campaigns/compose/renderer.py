"""The parent's side of a rendering session: starts the bounded child, feeds it batches, survives its death."""

import json
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from campaigns.clock import SystemClock
from campaigns.compose.attachments import Named
from campaigns.compose.job import (
    Inspection,
    Json,
    RenderJob,
    error_from_json,
    finding_from_json,
    inspection_from_json,
    job_as_json,
    shape_from_json,
)
from campaigns.compose.source import said
from campaigns.compose.wire import framed, take_frame
from campaigns.errors import TemplateError, Where
from campaigns.message.shape import Shape
from campaigns.model.finding import Finding
from campaigns.model.states import Severity

# Spreadsheet row number, cells as JSON text, and a list of the cells of further rows of the same person, if there are any.
Row = tuple[int, str] | tuple[int, str, str]
Rows = Sequence[Row]

_PIPE_BYTES = 1 << 20  # Linux gives that much without privileges, so that neither side waits for the other
_GIVE_UP_AFTER = 3  # rows that ended the child
_START_SECONDS = 30.0
_ROW_SECONDS = 3.0  # when the row is looked for that ended the child


class RenderedRow(NamedTuple):
    row: int
    shape: int  # its number in this session; -1 with a problem
    values: str  # by slot, each ended by a NUL (`message.pack_values`)
    problem: Finding | None = None
    files: tuple[Named, ...] = ()  # that patterns in `attachments:` name for it


@dataclass(slots=True)
class RenderedBatch:
    rows: list[RenderedRow] = field(default_factory=list)
    shapes: list[tuple[int, Shape]] = field(default_factory=list)  # those that no earlier batch had
    findings: list[Finding] = field(default_factory=list)  # of this batch's rows, counted
    count: int = 0  # of shapes in the session so far


class Renderer:
    """A session as a context manager; TemplateError on entering if the template cannot be used.

    `send` a batch, `send` the next, `receive` the first, ...: the child renders while the parent stores.
    """

    def __init__(self, job: RenderJob, *, seconds_per_batch: float = 30.0, memory: int = 128_000_000) -> None:
        self._job = job
        self._seconds = seconds_per_batch
        self._memory = memory
        self._waiting: deque[Rows] = deque()
        self._count = 0
        self._starts = 0  # of a child
        self._guilty: list[Finding] = []
        self._child: _Child | None = None
        self.inspection: Inspection

    def __enter__(self) -> Self:
        self.inspection = self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def render(self, rows: Rows) -> RenderedBatch:
        """One batch, there and back; nothing may be under way."""
        self.send(rows)
        return self.receive()

    def send(self, rows: Rows) -> None:
        """Hand a batch to the child; never waits."""
        self._waiting.append(rows)
        if self._child is not None:
            with suppress(_Stopped):
                self._child.send(_batch(rows))

    def receive(self) -> RenderedBatch:
        """The oldest batch that was sent."""
        rows = self._waiting[0]
        if self._child is None:
            batch = self._without_child(rows)
        else:
            try:
                batch = self._read(self._child.receive(self._seconds))
            except _Stopped:
                batch = self._one_by_one(rows)
        self._waiting.popleft()
        return batch

    def conclude(self) -> list[Finding]:
        """What only the last row shows; nothing if a child died, because what it saw is lost. No batch may be under way."""
        if self._child is None or self._starts > 1:
            return []
        try:
            self._child.send(b"null")
            return [finding_from_json(one) for one in json.loads(self._child.receive(self._seconds))["findings"]]
        except _Stopped:
            return []

    def _start(self) -> Inspection:
        self._starts += 1
        self._child = _Child()
        opening = {
            "job": job_as_json(self._job),
            "first_shape": self._count,
            "memory": self._memory,
        }
        try:
            self._child.send(_encoded(opening))
            document = json.loads(self._child.receive(_START_SECONDS))
        except _Stopped:
            self._stop()
            raise TemplateError(
                "The template stopped the program that renders it.",
                where=Where(file=said(self._job.source.name)),
                remedy="It nests too deeply, or asks for too much time or memory: make it simpler.",
            ) from None
        if "error" in document:
            self._stop()
            raise error_from_json(document["error"])
        return inspection_from_json(document["inspection"])

    def _stop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _read(self, payload: bytes) -> RenderedBatch:
        document: Json = json.loads(payload)
        rows = [RenderedRow(*row) if len(row) == 3 else _with_files(row) for row in document["rows"]]
        for place, problem in document["problems"]:
            rows[place] = rows[place]._replace(problem=finding_from_json(problem))
        self._count = document["count"]
        return RenderedBatch(
            rows=rows,
            shapes=[(number, shape_from_json(shape)) for number, shape in document["shapes"]],
            findings=[finding_from_json(one) for one in document["findings"]],
            count=self._count,
        )

    def _one_by_one(self, rows: Rows) -> RenderedBatch:
        """The child died within this batch: find the row, keep the others, then go on with the batches behind it."""
        whole = RenderedBatch()
        self._stop()
        for place, row in enumerate(rows):
            if len(self._guilty) >= _GIVE_UP_AFTER:
                whole.rows += self._without_child(rows[place:]).rows
                break
            part = self._alone(row) if len(rows) > 1 else self._given_up(row[0])
            whole.rows += part.rows
            whole.shapes += part.shapes
            whole.findings += part.findings
        whole.count = self._count
        if len(self._guilty) < _GIVE_UP_AFTER:
            self._resume()
        return whole

    def _alone(self, row: Row) -> RenderedBatch:
        if self._child is None:
            self._start()
        assert self._child is not None
        try:
            self._child.send(_batch([row]))
            return self._read(self._child.receive(_ROW_SECONDS))
        except _Stopped:
            self._stop()
            return self._given_up(row[0])

    def _given_up(self, row: int) -> RenderedBatch:
        """A row that is known to end the child."""
        problem = self._stopped(row)
        self._guilty.append(problem)
        return RenderedBatch(rows=[RenderedRow(row, -1, "", problem)])

    def _resume(self) -> None:
        if self._child is None:
            self._start()
        assert self._child is not None
        with suppress(_Stopped):
            for rows in list(self._waiting)[1:]:
                self._child.send(_batch(rows))

    def _without_child(self, rows: Rows) -> RenderedBatch:
        """Too many rows ended the child: the template is to blame, and no more time is spent on it."""
        return RenderedBatch(
            rows=[RenderedRow(row[0], -1, "", self._stopped(row[0])) for row in rows], count=self._count
        )

    def _stopped(self, row: int) -> Finding:
        return Finding(
            "template_stopped",
            Severity.STOPS,
            f"Row {row}: the template needs more time or memory than a mail may need, and was stopped.",
            "Look for a loop that depends on a cell, and for values that are far too long.",
            said(self._job.source.name),
            1,
            (row,),
        )


class _Stopped(Exception):  # noqa: N818 - it never leaves this file
    """The child died, or did not answer in time."""


class _Child:
    """The process and its two pipes; writing never waits, reading waits for a deadline."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "campaigns.compose.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_bare_environment(),
            cwd="/",
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self._to, self._from):
            os.set_blocking(pipe, False)
            _widen(pipe)
        self._unsent: deque[memoryview] = deque()
        self._received = bytearray()

    def send(self, payload: bytes) -> None:
        self._unsent.append(memoryview(framed(payload)))
        self._write()

    def receive(self, seconds: float) -> bytes:
        ends = self._clock.monotonic() + seconds
        while (payload := take_frame(self._received)) is None:
            left = ends - self._clock.monotonic()
            if left <= 0:
                raise _Stopped
            readable, writable, _ = select.select([self._from], [self._to] if self._unsent else [], [], left)
            if writable:
                self._write()
            if readable:
                self._read()
        return payload

    def close(self) -> None:
        self._process.kill()
        with self._process:  # closes the pipes and waits, so that no zombie stays
            pass

    def _write(self) -> None:
        while self._unsent:
            try:
                written = os.write(self._to, self._unsent[0])
            except BlockingIOError:
                return
            except BrokenPipeError:
                raise _Stopped from None
            rest = self._unsent.popleft()[written:]
            if rest:
                self._unsent.appendleft(rest)

    def _read(self) -> None:
        try:
            data = os.read(self._from, _PIPE_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise _Stopped
        self._received += data


def _bare_environment() -> dict[str, str]:
    """Nothing of ours: the environment may hold passwords and keys."""
    house = str(Path(__file__).resolve().parents[2])
    return {"PATH": os.defpath, "PYTHONPATH": house, "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}


def _widen(pipe: int) -> None:
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _batch(rows: Rows) -> bytes:
    """The cells are JSON already, so they are not read here."""
    lists = [f"[{row},{','.join(cells)}]" for row, *cells in rows]
    return f"[{','.join(lists)}]".encode()


def _with_files(row: list[Any]) -> RenderedRow:
    number, shape, values, _, files = row
    return RenderedRow(number, shape, values, files=tuple(Named(path, personal) for path, personal in files))


def _encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
