"""What `doctor` says of routes and fallbacks: what goes where, and what no mail will ever take."""

from collections.abc import Iterator, Sequence
from email.utils import parseaddr

from campaigns.actions.doctor_check import Check, CheckState, good
from campaigns.model.routes import Route, folded_sender
from campaigns.settings import Settings

_NAME = "routes"


def led(settings: Settings) -> Iterator[Check]:
    """Nothing where there are neither routes nor fallbacks; whether their transports work is said of those."""
    routes = settings.all_routes
    said = [f"{_whose(route)} goes through {route.through}" for route in routes.routes]
    said += [f"{fallback} stands in for {name}" for name, fallback in routes.fallbacks.items()]
    if said:
        yield good(_NAME, f"{'; '.join(said)}.")
    senders = [folded_sender(parseaddr(address)[1]) for address in settings.sender.allowed]
    for number, route in enumerate(routes.routes, start=1):
        if before := _covered(route, routes.routes[: number - 1]):
            remedy = "The first that takes a mail wins: put it further up in mergecast.toml, or take it out."
            yield Check(_NAME, CheckState.WARN, f"No mail takes route {number}: {before} takes all of it.", remedy)
        elif route.senders and not any(route.takes_sender(sender) for sender in senders):
            remedy = "Correct `senders` there, or name the sender under [sender]."
            sentence = f"No mail takes route {number}: nobody sends as {', '.join(route.senders)}."
            yield Check(_NAME, CheckState.WARN, sentence, remedy)


def _whose(route: Route) -> str:
    """`mail to outlook.com from example.org`"""
    to = f" to {', '.join(route.groups)}" if route.groups else ""
    return f"mail{to}" + (f" from {', '.join(route.senders)}" if route.senders else "")


def _covered(route: Route, earlier: Sequence[Route]) -> str:
    """The earlier route that takes all that this one would; "" if none does."""
    for number, one in enumerate(earlier, start=1):
        groups = not one.groups or (route.groups and set(route.groups) <= set(one.groups))
        senders = not one.senders or (route.senders and all(map(one.takes_sender, route.senders)))
        if groups and senders:
            return f"route {number}"
    return ""
