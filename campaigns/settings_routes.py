"""Routes and fallbacks that can be meant: each leads somewhere, and rehearsals and real mail never mix."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from campaigns.model.routes import Route
from campaigns.settings_file import WrongValueError


class Transport(Protocol):
    """What is asked of a transport's settings."""

    @property
    def leaves(self) -> bool: ...

    @property
    def fallback(self) -> str: ...


class RouteTable(Protocol):
    """What is asked of a route's settings."""

    @property
    def through(self) -> str: ...

    @property
    def domains(self) -> tuple[str, ...]: ...

    @property
    def senders(self) -> tuple[str, ...]: ...


def refuse_wrong_fallbacks(transports: Mapping[str, Transport]) -> None:
    """WrongValueError for one that is not there, that comes round to itself, or that mixes rehearsals and real mail."""
    for name, transport in transports.items():
        key = ("transports", name, "fallback")
        if not transport.fallback:
            continue
        if transport.fallback not in transports:
            raise WrongValueError(f"There is no transport {transport.fallback!r}.", _there_are(transports), key)
        if transport.leaves != transports[transport.fallback].leaves:
            harm = "real mail would reach nobody" if transport.leaves else "a rehearsal would reach people"
            sentence = f"In an outage of {name}, {harm}: {_kind(transports, transport.fallback)}."
            raise WrongValueError(sentence, "Name a transport of the same sort.", key)
        chain = [name]
        while following := transports[chain[-1]].fallback:
            if following in chain:
                sentence = f"The fallbacks go round in a circle: {', '.join([*chain, following])}."
                raise WrongValueError(sentence, "Let the last of them have none.", key)
            if following not in transports:
                break  # said of the transport that names it
            chain.append(following)


def refuse_wrong_routes(
    routes: Sequence[RouteTable], transports: Mapping[str, Transport], group_of: Mapping[str, str]
) -> None:
    """WrongValueError for a route that leads nowhere, takes nothing, or names a part of a group."""
    for number, route in enumerate(routes, start=1):
        key = ("routes", str(number))
        if route.through not in transports:
            raise WrongValueError(
                f"There is no transport {route.through!r}.", _there_are(transports), (*key, "through")
            )
        if not transports[route.through].leaves:
            sentence = f"Real mail would reach nobody: {_kind(transports, route.through)}."
            raise WrongValueError(
                sentence, "Rehearsals take no routes; name a transport that sends.", (*key, "through")
            )
        if not (route.domains or route.senders):
            remedy = "Name `domains` or `senders`; a campaign's own transport is its `--transport`."
            raise WrongValueError("The route has no condition: it would take everything.", remedy, key)
        for domain in route.domains:
            if (group := group_of.get(domain, domain)) != domain:
                sentence = f"{domain} counts together with {group}: their mail goes the same way."
                raise WrongValueError(sentence, f"Write {group}.", (*key, "domains"))


def tables(value: object) -> object:
    """A list of tables, as `[[routes]]` makes one."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, dict) for one in value):
        raise WrongValueError(
            "Routes are a list.", "Write each under a line of its own: [[routes]], in double brackets."
        )
    return value


def read_route(table: RouteTable) -> Route:
    return Route(table.through, groups=table.domains, senders=table.senders)


def _there_are(transports: Mapping[str, Transport]) -> str:
    return f"There are: {', '.join(transports)}."


def _kind(transports: Mapping[str, Transport], name: str) -> str:
    return f"{name} sends to people" if transports[name].leaves else f"{name} is a rehearsal"
