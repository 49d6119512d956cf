"""Recipient-domain groups: which domains count together against one limit, because the same servers take their mail.

Ours stand in `domain_groups.toml`; a workspace's `[limits]` add domains to them, and groups of its own.
"""

import contextlib
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.model.throttle import Throttle
from campaigns.model.warm_up import WarmUp


@dataclass(frozen=True, slots=True)
class Limits:
    """What a workspace sets for recipient-domain groups and for senders, whatever the transport."""

    groups: Mapping[str, tuple[Throttle, ...]] = field(default_factory=dict)  # by the group's name
    senders: Mapping[str, tuple[Throttle, ...]] = field(default_factory=dict)  # by the folded address
    own_domains: Mapping[str, str] = field(default_factory=dict)  # domain -> group, besides ours
    warm_ups: Mapping[str, WarmUp] = field(default_factory=dict)  # of senders, by the folded address

    def group_of(self) -> dict[str, str]:
        """Every domain that belongs to a group, with the group's name."""
        return {**known_groups(), **self.own_domains}


NO_LIMITS = Limits()


@functools.cache
def known_groups() -> Mapping[str, str]:
    """Domain -> group, of ours."""
    data = tomllib.loads(Path(__file__).with_name("domain_groups.toml").read_text(encoding="utf-8"))
    return {domain: group for group, others in data.items() for domain in (group, *others)}


def own_domains(group: str, further: Iterable[str]) -> dict[str, str]:
    """Domain -> group of what a workspace's limit names; ValueError with a sentence where it cannot be meant."""
    folded = folded_domain(group)
    ours = known_groups().get(folded, folded)
    if ours != folded:
        msg = f"{group} counts together with {ours}: write the limit of {ours}"
        raise ValueError(msg)
    return dict.fromkeys([folded, *map(folded_domain, further)], folded)


def folded_domain(domain: str) -> str:
    """A domain as the store has it, in A-labels; ValueError with a sentence for anything else."""
    with contextlib.suppress(UnicodeError):
        folded = domain.strip().lower().encode("idna").decode("ascii")
        if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", folded):
            return folded
    msg = f"{domain!r} is no domain, like example.org"
    raise ValueError(msg)
