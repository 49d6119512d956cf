"""What systemd is told: that the worker is ready, that it moves, what it does, and that it stops (sd_notify(3)).

A few lines to a datagram socket whose address is in NOTIFY_SOCKET. Without that variable nothing is said.
"""

import socket
from collections.abc import Mapping

import structlog

from scheduler.doing import Beat

_LONGEST = 200  # characters of a status
_END = 60  # seconds in which the worker has ended, replies and last writes included

log = structlog.get_logger()


class Systemd:
    """Tells the service manager that started this process.

    A beat has been through the event loop and through the thread that does the ledger's writing. While one of them
    stands still there is none, WATCHDOG=1 is not said, and systemd ends the process after its WatchdogSec. A store that
    refuses is no reason for that: the worker tries again every second, and a new one could do no more.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        self._watched = bool(env.get("WATCHDOG_USEC"))
        self._failed = False

    def started(self) -> None:
        self._tell("READY=1", "STATUS=Started.")

    def beat(self, beat: Beat) -> None:
        self._tell("WATCHDOG=1", f"STATUS={_status(beat)}")

    def stopping(self) -> None:
        """There are no more beats: what is on the wire may take until the worker's own deadline."""
        longer = [f"WATCHDOG_USEC={_END * 1_000_000}", "WATCHDOG=1"] if self._watched else []
        self._tell("STOPPING=1", "STATUS=Waiting for the last replies.", *longer)

    def _tell(self, *assignments: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.setblocking(False)  # sending never waits for systemd
                notify.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            if not self._failed:
                log.warning("systemd.unheard", reason=str(error))
            self._failed = True


def _address(variable: str) -> str:
    """The socket's path; an `@` stands for the zero byte that an abstract name begins with."""
    if variable.startswith("@"):
        return f"\0{variable[1:]}"
    return variable if variable.startswith("/") else ""


def _status(beat: Beat) -> str:
    """One line for `systemctl status`. A server's words are in it: a line end there would begin an assignment."""
    troubles = [f"{one['transport']}: {one['sentence']}" for one in beat.doing["troubles"] if one["transport"]]
    return " ".join((beat.stops or next(iter(troubles), "") or _sending(beat.doing["campaigns"])).split())[:_LONGEST]


def _sending(campaigns: Mapping[str, Mapping[str, float]]) -> str:
    if not campaigns:
        return "Nothing to send."
    rate = sum(campaign["rate"] for campaign in campaigns.values())
    return f"Sending {len(campaigns)} campaign{'s' * (len(campaigns) > 1)}: {rate:,.1f} mails/s."
