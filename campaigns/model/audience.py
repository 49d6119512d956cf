"""Whom of its list a campaign is for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from campaigns.errors import UsageError
from campaigns.model.condition_parser import parse_condition
from campaigns.model.duration import parse_duration, text_of

MOST_LISTS = 100


@dataclass(frozen=True, slots=True)
class Audience:
    """Rows that meet a condition, without the people of some lists, and without people who were mailed lately."""

    where: str = ""  # a condition, as a person wrote it
    exclude: tuple[str, ...] = ()  # names of lists
    not_mailed_in: timedelta | None = None

    @classmethod
    def read(
        cls, where: str | None = None, exclude: Sequence[str] = (), not_mailed_in: str | None = None
    ) -> "Audience":
        """What a person typed, None where nothing; ConditionError or UsageError."""
        if where is not None:
            parse_condition(where)
        if len(exclude) > MOST_LISTS:
            raise UsageError(f"{len(exclude)} lists are excluded; {MOST_LISTS} are the most.", remedy="Join them.")
        length = None if not_mailed_in is None else _length(not_mailed_in)
        return cls((where or "").strip(), tuple(dict.fromkeys(exclude)), length)

    @classmethod
    def unpack(cls, packed: str) -> "Audience":
        """What `pack` made."""
        if not packed:
            return EVERYBODY
        kept = json.loads(packed)
        length = parse_duration(kept["not_mailed_in"]) if kept["not_mailed_in"] else None
        return cls(kept["where"], tuple(kept["exclude"]), length)

    def pack(self) -> str:
        """As JSON; "" for everybody."""
        return json.dumps(self.as_json()) if self else ""

    def __bool__(self) -> bool:
        """False for everybody."""
        return bool(self.where or self.exclude or self.not_mailed_in)

    def as_json(self) -> dict[str, Any] | None:
        """None for everybody."""
        if not self:
            return None
        return {
            "where": self.where,
            "exclude": list(self.exclude),
            "not_mailed_in": text_of(self.not_mailed_in) if self.not_mailed_in else "",
        }


EVERYBODY = Audience()


def _length(text: str) -> timedelta:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), remedy="Like `--not-mailed-in 30d`.") from None
    if not length:
        raise UsageError("In no time nobody was mailed.", remedy="Write it like `--not-mailed-in 30d`.")
    return length
