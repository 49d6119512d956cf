"""The process that does what the worker must not: `python -m scheduler.clerk WORKSPACE`, sent by `errands.py`.

It takes in what lies in the inbox, makes the occurrences of series that are due, tells each event as a line of JSON,
and ends. On its standard input stand the files that are whole, then nothing until its end: then whoever sent it is
gone, and it goes, too. It holds no secret.
"""

import fcntl
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campaigns.actions.desk import Desk, open_desk
from campaigns.actions.inbox import Inbox
from campaigns.actions.occurrences import prepare_due
from campaigns.actions.take_in import take_in
from campaigns.errors import MergecastError
from campaigns.workspace import open_workspace
from scheduler.errands import COULD_NOT

_ADDRESS = re.compile(r"\S+@\S+")
WHO = "worker"  # in the history


def main() -> int:
    """0 when done; COULD_NOT if the store or the disk refuses; anything else is a mistake of ours, or the machine's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's; the end of the pipe ends us
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_sender, daemon=True).start()
    try:
        workspace = open_workspace(Path(sys.argv[1]), os.environ, Path.cwd())
        with open_desk(workspace, WHO) as desk, _alone(desk) as alone:
            if alone:
                inbox, spare = Inbox(workspace, desk.clock), asked["spare"]
                left = inbox.has_claimed()
                take_in(desk, inbox, asked["files"], tell, spare=spare and left)
                prepare_due(desk, tell, spare=spare and not left)
    except (MergecastError, OSError) as error:
        tell("clerk.failed", reason=str(error))
        return COULD_NOT
    return 0


def tell(event: str, **about: Any) -> None:
    """A line for the worker's log, in which no address stands."""
    said = {
        name: _ADDRESS.sub("(an address)", value) if isinstance(value, str) else value for name, value in about.items()
    }
    sys.stdout.write(json.dumps({"event": event, **said}) + "\n")
    sys.stdout.flush()


def _end_with_sender() -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        pass
    os._exit(1)


@contextmanager
def _alone(desk: Desk) -> Iterator[bool]:
    """Whether no other clerk is at work: one that has lost its worker needs a moment to notice."""
    assert desk.store.path is not None
    descriptor = os.open(f"{desk.store.path}.clerk", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)  # frees the lock


if __name__ == "__main__":
    sys.exit(main())
