"""The bounded process in which templates run: `python -m campaigns.compose.child`, spoken to by `renderer.py`.

It holds no key and no database. Its memory, its CPU time and the time of each row are limited, so that a template can
harm nobody but itself.
"""

import json
import os
import resource
import signal
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from campaigns.compose.job import error_as_json, job_from_json, shape_as_json
from campaigns.compose.mistakes import Chart, TooSlow, explained
from campaigns.compose.render import Batch, Session
from campaigns.compose.source import said
from campaigns.compose.wire import framed, read_frame
from campaigns.errors import TemplateError, Where

_TICK = 0.5  # seconds of CPU time; a row that sees two ticks has had enough


def main() -> None:
    source, sink = _private_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; the end of the pipe ends the child
    opening = read_frame(source)
    if opening is None:
        return
    document = json.loads(opening)
    _limit_memory(document["memory"])
    _limit_cpu()
    alarm = _Alarm()
    try:
        session = Session(job_from_json(document["job"]), document["first_shape"])
        inspection = asdict(session.inspection())
    except TemplateError as error:
        _write(sink, {"error": error_as_json(error)})
        return
    except TooSlow as error:
        shown = explained(error, Chart({}, {}, {}))
        where = Where(file=said(document["job"]["source"]["name"]))
        _write(sink, {"error": error_as_json(TemplateError(shown.sentence, where=where, remedy=shown.remedy))})
        return
    alarm.session = session
    _write(sink, {"inspection": inspection})
    while (payload := read_frame(source)) is not None:
        rows = json.loads(payload)
        if rows is None:
            _write(sink, {"findings": [asdict(one) for one in session.conclusion()]})
        else:
            _write(sink, _as_json(session.render(rows), session.shapes))


class _Alarm:
    """Raises TooSlow in a row, or in compiling, that sees two ticks of CPU time.

    It can do so between two steps of Python only. One step that never ends (comparing lists of lists of lists, or
    something in layout) sees no tick: then the kernel's limit is not moved on, and ends the process.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self._seen = -1
        self._compiling = 0
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, _TICK, _TICK)

    def _tick(self, _signal: int, _frame: FrameType | None) -> None:
        _limit_cpu()
        if self.session is None:
            self._compiling += 1
            if self._compiling >= 2:
                raise TooSlow
        elif self.session.busy:
            if self.session.turn == self._seen:
                raise TooSlow
            self._seen = self.session.turn


def _as_json(batch: Batch, shapes: int) -> dict[str, Any]:
    return {
        "rows": batch.rows,
        "problems": [[place, asdict(problem)] for place, problem in batch.problems.items()],
        "shapes": [[number, shape_as_json(shape)] for number, shape in batch.shapes],
        "findings": [asdict(one) for one in batch.findings],
        "count": shapes,
    }


def _write(sink: BinaryIO, document: dict[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    sink.write(framed(text.encode("utf-8", "replace")))
    sink.flush()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output, kept from anything that prints."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return source, sink


def _limit_memory(memory: int) -> None:
    with suppress(OSError, ValueError):  # macOS knows RLIMIT_AS but does not take it
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + memory,) * 2)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _address_space() -> int:
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    return 256_000_000


def _limit_cpu() -> None:
    """Between one and two more seconds from now; the kernel ends the process then."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 2, hard))


if __name__ == "__main__":
    main()
