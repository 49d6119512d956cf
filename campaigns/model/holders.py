"""Whose throttles a mail stands under: those of its transport, campaign, sender and recipient-domain group.

A name says whose they are ("transport relay", "campaign 17", "sender ada@example.org", "domains gmail.com"); with the
throttle's text it is the key under which the spending is counted and kept. Dispatching and planning ask the same.
"""

from collections.abc import Iterable, Iterator, Sequence

from campaigns.model.domain_group import Limits
from campaigns.model.throttle import Throttle

OTHERS = "other domains"  # those of mail whose domain is in no group

_PACE = "pace "

Holder = tuple[str, tuple[str, ...]]  # whose, and the throttles' texts


def of_transport(name: str, throttles: Iterable[Throttle]) -> Holder:
    """The throttles that all mail of a transport stands under."""
    return f"transport {name}", _texts(throttles)


def of_mail(campaign: int, throttles: Sequence[str], sender: str, group: str, limits: Limits) -> Iterator[Holder]:
    """The others: of a campaign's id, its sender's address, and a group by name, "" for none."""
    yield f"campaign {campaign}", tuple(throttles)
    folded = sender.lower()
    if own := limits.senders.get(folded):
        yield f"sender {folded}", _texts(own)
    if group and (theirs := limits.groups.get(group)):
        yield f"domains {group}", _texts(theirs)


def whose_pace(transport: str, group: str | None = None) -> str:
    """Whose pace falls when a server complains: the transport's, or that of a group ("" for OTHERS) on it."""
    return f"transport {transport}" if group is None else f"domains {group or OTHERS} through {transport}"


def key_of(whose: str, throttle: str) -> str:
    """Under what the spending of somebody's throttle is counted and kept."""
    return f"{whose} {throttle}"


def pace_of(whose: str) -> str:
    """The key of somebody's pace."""
    return f"{_PACE}{whose}"


def wire_of(transport: str, connections: int) -> str:
    """The key of what a transport's connections carry at most."""
    return f"wire {transport} {connections}"


def said(key: str) -> str:
    """A key as a person reads it: `20/min` of a campaign, else with whose it is: `gmail.com, 20/min`."""
    kind, whose, text = key.split(" ", 2)
    if kind == "wire":
        return f"{whose}, {text} {'connection' if text == '1' else 'connections'}"
    if kind == "campaign":
        return text
    if kind == "warm-up":
        return f"{text}, warm-up"
    return f"{text}, which asks to go slower" if kind == _PACE.strip() else f"{whose}, {text}"


def _texts(throttles: Iterable[Throttle]) -> tuple[str, ...]:
    return tuple(str(throttle) for throttle in throttles)
