"""Addresses: what a cell holds, the person it folds to, and why it is no address."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

DOMAINS_KEPT = 20_000  # bounds the memory of an import; a list has far fewer

# Copied from web pages and chats, these stand unseen before and after an address.
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"

# RFC 5322 dot-atom, ASCII, at most the 64 octets of RFC 5321 4.5.3.1.1: nothing that email-validator could object to.
_PLAIN_LOCAL = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LOOKS_LIKE = re.compile(r"[^\s@,;|<>\"]+@[^\s@,;|<>\"]+\.[^\s@,;|<>\".]+\Z")
_LONGEST = 254  # RFC 3696, erratum 1690
_ROLES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)  # RFC 2142: `Info@` is `info@`


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox."""

    folded: str  # the person: NFC, lower case, domain as A-labels; dots and +tags stay
    domain: str  # A-labels, lower case
    wire: str  # as it goes on the wire: the local part's case kept, domain as A-labels


class AddressReader:
    """Reads the addresses of one import; remembers domains, for most rows share a few."""

    def __init__(self) -> None:
        self._domains: dict[str, str] = {}

    def read(self, given: str) -> Address | str:
        """The address in a cell, or the reason why there is none, as a sentence with the cell's content."""
        text = given.strip()
        local, _, typed = text.rpartition("@")
        domain = self._domains.get(typed)
        if (
            domain is not None
            and _PLAIN_LOCAL.match(local)
            and len(local) + len(domain) < _LONGEST
            and len(text) <= _LONGEST
        ):
            lower = local.lower()
            if lower in _ROLES:
                local = lower
            return Address(f"{lower}@{domain}", domain, f"{local}@{domain}")
        return self._read_slowly(text.strip(INVISIBLE).strip())

    def _read_slowly(self, text: str) -> Address | str:
        try:
            valid = validate_email(text, check_deliverability=False)
        except EmailNotValidError as refusal:
            return _why_not(text, str(refusal))
        domain = valid.ascii_domain
        self._remember(text, valid)
        wire = f"{valid.local_part}@{domain}"
        return Address(_fold(wire), domain, wire)

    def _remember(self, text: str, valid: ValidatedEmail) -> None:
        # A domain that needed Unicode counts differently against the 254 octets: only plain ones take the short way.
        typed = text.rpartition("@")[2]
        if valid.ascii_domain == valid.domain == typed.lower():
            if len(self._domains) >= DOMAINS_KEPT:
                self._domains.clear()
            self._domains[typed] = valid.ascii_domain


def looks_like_address(text: str) -> bool:
    """Whether a cell is meant as an address, right or not; for finding the column."""
    return _LOOKS_LIKE.match(text.strip()) is not None


_BESIDE_A_NAME = re.compile(r"(?P<name>\"[^\"]*\"|'[^']*'|[^\"<>@;]*)\s*<\s*(?P<address>[^\s@<>,;]+@[^\s@<>,;]+)\s*>")


def address_beside_name(text: str) -> str | None:
    """The address in a cell like `"Ann" <ann@example.com>`, as mail programs write it; None for any other cell."""
    if ">" not in text:
        return None
    found = _BESIDE_A_NAME.fullmatch(text.strip().strip(INVISIBLE).rstrip(",;").strip())
    return found["address"].removeprefix("mailto:") if found else None


def excerpt(text: str, longest: int = 60) -> str:
    """A cell's content in typographic quotes, cut where it is long, for a sentence."""
    seen = "".join(c if c.isprintable() else " " for c in text[: longest + 1]).strip()
    return f"“{seen}”" if len(text) <= longest else f"“{seen[:longest].rstrip()}…”"


def _fold(wire: str) -> str:
    # Lower case may leave a letter and a mark apart that NFC joins again.
    return unicodedata.normalize("NFC", wire.lower())


_SEVERAL = re.compile(r"@[^@\s]+\.[^@]*[\s,;/|&][^@]*@")
_NAMED = re.compile(r"<[^<>\s]*@[^<>\s]*>\s*\Z")


def _why_not(text: str, otherwise: str) -> str:
    """The reason in plain words; email-validator's own for what is rare."""
    if not text:
        return "The address cell is empty."
    cell = excerpt(text)
    local, at, domain = text.rpartition("@")
    if not at:
        return f"{cell} has no @."
    if _SEVERAL.search(text):
        return f"{cell} holds more than one address: copy the row for each of them, and leave one in each cell."
    if _NAMED.search(text):
        return f"{cell} holds more than the address: put the name into a column of its own."
    if text.lower().startswith("mailto:"):
        return f"{cell} begins with “mailto:”: only the address belongs into the cell."
    if "@" in local:
        return f"{cell} has more than one @."
    if not local:
        return f"{cell} has nothing before the @."
    if not domain:
        return f"{cell} has nothing after the @."
    if any(c.isspace() for c in text):
        return f"{cell} has a blank inside."
    if ".." in text:
        return f"{cell} has two dots in a row."
    if "," in domain:
        return f"{cell} has a comma after the @, where a dot belongs."
    if "." not in domain:
        return f"{cell} has no dot after the @: the domain is not whole."
    if len(text) > _LONGEST:
        return f"{cell} is longer than the {_LONGEST} characters that an address may have."
    return f"{cell} is no address: {otherwise}"
