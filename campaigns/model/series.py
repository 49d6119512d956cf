"""What a series is told besides when: for whom of its sheet each occurrence is, and what becomes of a missed one."""

from enum import StrEnum

TWICE = 2  # an occurrence whose sheet has more than so many times the last one's rows is held


class Whom(StrEnum):
    """For whom of its sheet an occurrence is."""

    NEW = "new"  # whom the series has not mailed yet
    CHANGED = "changed"  # those, and whose rows differ from what the person's last mail was made from
    ALL = "all"


def too_many(rows: int, last: int) -> bool:
    """Whether a sheet has grown so much that a person should look at it first."""
    return rows > TWICE * last
