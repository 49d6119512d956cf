"""Who a campaign is from: somebody, somebody real, and somebody whom the settings name."""

from collections.abc import Iterable, Iterator
from email.utils import parseaddr

from campaigns.model.finding import Finding
from campaigns.model.states import Severity

# RFC 2606: nobody receives mail there, and no answer comes back.
_EXAMPLES = ("example.com", "example.net", "example.org", "example")


def check_senders(sender: str, reply_to: str, allowed: Iterable[str], *, leaves: bool) -> Iterator[Finding]:
    """What is wrong with From and Reply-To; `allowed` are the settings' senders, `leaves` is False for a rehearsal."""
    known = {_bare(address) for address in allowed}
    if not _bare(sender):
        yield Finding(
            "no_sender",
            Severity.STOPS,
            "The campaign has no sender.",
            "Set `from` under [sender] in mergecast.toml.",
        )
    for address, place in ((sender, "From"), (reply_to, "Reply-To")):
        bare = _bare(address)
        if not bare:
            continue
        if bare not in known:
            yield Finding(
                "foreign_sender",
                Severity.STOPS,
                f"{bare} is not among the senders in the settings.",
                "Add it to `also` under [sender] in mergecast.toml, or take one that stands there.",
                place,
            )
        if leaves and _is_example(bare):
            yield Finding(
                "example_sender",
                Severity.STOPS,
                f"{bare} is an example: no answer would ever arrive.",
                "Set `from` under [sender] in mergecast.toml to your own address.",
                place,
            )


def _bare(address: str) -> str:
    return parseaddr(address)[1].casefold()


def _is_example(address: str) -> bool:
    domain = address.rpartition("@")[2]
    return any(domain == example or domain.endswith(f".{example}") for example in _EXAMPLES)
