"""What a series is told besides when: for whom of its sheet each occurrence is, and what becomes of a missed one."""

from enum import StrEnum

TWICE = 2  # an occurrence whose sheet has more than so many times the last one's rows is held


class Whom(StrEnum):
    """For whom of its sheet an occurrence is."""

    NEW = "new"  # whom the series has not mailed yet
    CHANGED = "changed"  # those, and whose rows differ from what the person's last mail was made from
    ALL = "all"


class LateRule(StrEnum):
    """What becomes of the newest of the occurrences that were missed; the ones before it are left out."""

    SEND = "send"  # it leaves as soon as a worker runs
    NEXT_WINDOW = (
        "next-window"  # it leaves when the clock next shows the series' hour, unless its next date comes first
    )
    ASK = "ask"  # it is prepared, and held until a person sends or cancels it
    EXPIRE = "expire"  # it is left out


def too_many(rows: int, last: int) -> bool:
    """Whether a sheet has grown so much that a person should look at it first."""
    return rows > TWICE * last
