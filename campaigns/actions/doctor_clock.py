"""What `doctor` says of the clock: whether the kernel's is kept in time, and how far it is from a server's."""

import ctypes
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from campaigns.actions.doctor_check import Check, CheckState, good

_TIME_ERROR = 5  # <sys/timex.h>: the clock is not synchronised
_TIMEX = 1_024  # bytes: more than `struct timex` has anywhere
_WELL = timedelta(seconds=10)  # a Date header has whole seconds, and takes its time to come
_FAR = timedelta(minutes=5)
_DATE = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:[+-]\d{4}|GMT)")
_REMEDY = "Let the system keep the time, like with `timedatectl set-ntp true`: campaigns start by this clock."


def kept_in_time() -> Iterator[Check]:
    """What the kernel says of its clock; nothing where it does not say."""
    ask = getattr(ctypes.CDLL(None), "adjtimex", None) or getattr(ctypes.CDLL(None), "ntp_adjtime", None)
    said = ask(ctypes.create_string_buffer(_TIMEX)) if ask else -1  # modes = 0: nothing is set
    if said == _TIME_ERROR:
        yield Check("clock", CheckState.WARN, "The kernel knows of nothing that keeps this clock in time.", _REMEDY)
    elif said >= 0:
        yield good("clock", "This computer's clock is kept in time.")


def date_in(text: str) -> datetime | None:
    """The instant that a server's greeting or Date header names (RFC 5322 3.3); None if there is none."""
    found = _DATE.search(text)
    try:
        return parsedate_to_datetime(found[0]) if found else None
    except ValueError:  # 31 February
        return None


def offset(name: str, host: str, theirs: datetime, ours: datetime) -> Check:
    """How far this clock is from that of a server, which said `theirs` at the instant `ours`."""
    apart = abs(ours - theirs)
    if apart <= _WELL:
        return good(name, f"This computer's clock and that of {host} agree.")
    seconds = apart.total_seconds()
    sentence = f"This computer's clock is {seconds:,.0f} s {'ahead of' if ours > theirs else 'behind'} that of {host}."
    return Check(name, CheckState.BAD if apart > _FAR else CheckState.WARN, sentence, _REMEDY)
