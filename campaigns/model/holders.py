"""Whose throttles a mail stands under: those of its transport, campaign, sender and recipient-domain group.

A name says whose they are ("transport relay", "campaign 17", "sender ada@example.org", "domains gmail.com"); with the
throttle's text it is the key under which the spending is counted and kept. Dispatching and planning ask the same.
"""

from collections.abc import Iterable, Iterator, Sequence

from campaigns.model.domain_group import Limits
from campaigns.model.throttle import Throttle

OTHERS = "other domains"  # those of mail whose domain is in no group

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


def _texts(throttles: Iterable[Throttle]) -> tuple[str, ...]:
    return tuple(str(throttle) for throttle in throttles)
