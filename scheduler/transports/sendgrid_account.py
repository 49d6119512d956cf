"""What SendGrid tells of an account to whoever holds its key: may it send, as whom, and how much is left.

https://www.twilio.com/docs/sendgrid/api-reference: api-key-permissions, users-api, sender-verification,
domain-authentication. A key that may only send is told its scopes and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from scheduler.transports.sendgrid import SendgridSettings

_SENDING = "mail.send"
_MOST_DOMAINS = 500  # of an account, that are looked at
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Account:
    """None where the key is not allowed to know."""

    status: int  # of the question for scopes: 200, 401, ...
    may_send: bool = False
    credits_left: int | None = None
    credits_until: str = ""  # a date
    senders: frozenset[str] | None = None  # verified addresses, in lower case
    domains: frozenset[str] | None = None  # authenticated

    def vouches_for(self, address: str) -> bool | None:
        """Whether mail from the address is taken; None if that cannot be known."""
        if self.senders is None and self.domains is None:
            return None
        address = address.lower()
        domain = address.rpartition("@")[2]
        known = self.domains or frozenset()
        if address in (self.senders or ()) or any(domain == one or domain.endswith(f".{one}") for one in known):
            return True
        return None if self.senders is None or self.domains is None else False


class UnreachableError(Exception):
    """No answer, and why."""


async def look_up(settings: SendgridSettings) -> Account:
    """Ask; raises UnreachableError."""
    try:
        return await _looked_up(settings)
    except (httpx.HTTPError, ValueError) as error:
        raise UnreachableError(str(error) or type(error).__name__) from None


async def _looked_up(settings: SendgridSettings) -> Account:
    headers = {"Authorization": f"Bearer {settings.api_key}", "Accept": "application/json"}
    async with httpx.AsyncClient(
        base_url=settings.base_url, headers=headers, timeout=_TIMEOUT, trust_env=False, follow_redirects=False
    ) as client:
        scopes = await client.get("/v3/scopes")
        if scopes.status_code != 200:
            return Account(scopes.status_code)
        left = await _known(client, "/v3/user/credits")
        senders = await _known(client, "/v3/verified_senders")
        domains = await _known(client, f"/v3/whitelabel/domains?limit={_MOST_DOMAINS}")
    return Account(
        status=200,
        may_send=_SENDING in _mapping(scopes.json()).get("scopes", ()),
        credits_left=_number(_mapping(left).get("remain")),
        credits_until=str(_mapping(left).get("next_reset") or ""),
        senders=_named(_mapping(senders).get("results"), "from_email", "verified"),
        domains=_named(domains, "domain", "valid"),
    )


async def _known(client: httpx.AsyncClient, path: str) -> Any:
    """The answer, or None where the key may not ask or the answer is of no use."""
    answer = await client.get(path)
    if answer.status_code != 200:
        return None
    try:
        return answer.json()
    except ValueError:
        return None


def _named(found: Any, name: str, good: str) -> frozenset[str] | None:
    if not isinstance(found, list):
        return None
    return frozenset(str(one[name]).lower() for one in found if isinstance(one, dict) and one.get(good) and name in one)


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _number(found: Any) -> int | None:
    return found if isinstance(found, int) and not isinstance(found, bool) else None
