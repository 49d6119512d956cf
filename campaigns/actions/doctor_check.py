"""What `doctor` says of one thing."""

from dataclasses import dataclass
from enum import StrEnum

from campaigns.errors import MergecastError


class CheckState(StrEnum):
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: CheckState
    sentence: str
    remedy: str = ""


def good(name: str, sentence: str) -> Check:
    return Check(name, CheckState.GOOD, sentence)


def bad(name: str, error: MergecastError) -> Check:
    place = str(error.where)
    sentence = f"{error.sentence} ({place})" if place else error.sentence
    return Check(name, CheckState.BAD, sentence, error.remedy)
