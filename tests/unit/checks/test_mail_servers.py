import asyncio
from typing import Any

import dns.exception
import dns.resolver
import pytest

import campaigns.checks.mail_servers as mail_servers
from campaigns.checks.mail_servers import MailServers, Reach, ask, resolver_at
from campaigns.errors import SettingsError
from tests.doubles.dns_server import TableResolver, dns_server
from tests.doubles.people import people

RECORDS: dict[tuple[str, str], Any] = {
    ("mail.example", "MX"): "mx.mail.example.",
    ("null.example", "MX"): ".",
    ("host.example", "A"): "192.0.2.1",
    ("six.example", "AAAA"): "2001:db8::1",
    ("text.example", "TXT"): "hello",
    ("late.example", "MX"): dns.exception.Timeout(),
    ("broken.example", "MX"): dns.resolver.NoNameservers(),
    ("cut.example", "MX"): OSError("unreachable"),
    ("half.example", "A"): dns.exception.Timeout(),
}
SAYS = {
    "mail.example": Reach.MAIL,
    "null.example": Reach.REFUSES,  # RFC 7505
    "host.example": Reach.MAIL,  # RFC 5321 5.1
    "six.example": Reach.MAIL,
    "text.example": Reach.NO_SERVER,
    "gone.example": Reach.MISSING,
    "late.example": Reach.UNKNOWN,
    "broken.example": Reach.UNKNOWN,
    "cut.example": Reach.UNKNOWN,
    "half.example": Reach.UNKNOWN,
}


def test_what_the_dns_says_of_a_domain() -> None:
    assert asyncio.run(ask(TableResolver(RECORDS), SAYS)) == SAYS


def test_a_real_resolver_hears_the_same_over_the_wire() -> None:
    records = {
        ("mail.example", "MX"): "10 mx.mail.example.", ("null.example", "MX"): "0 .",
        ("host.example", "A"): "192.0.2.1", ("six.example", "AAAA"): "2001:db8::1", ("text.example", "TXT"): '"hello"',
    }  # fmt: skip
    asked = {name: said for name, said in SAYS.items() if said is not Reach.UNKNOWN}
    with dns_server(records) as server:
        assert asyncio.run(ask(resolver_at(server), [*asked, "is.broken"])) == {**asked, "is.broken": Reach.UNKNOWN}


def test_each_domain_is_asked_once_whatever_its_rows() -> None:
    resolver = TableResolver(RECORDS)
    servers = MailServers(resolver)
    for start in (2, 5, 8):
        servers.look(people(["ada@mail.example", "bob@mail.example", "cy@gone.example"], start))
    assert [(one.where, one.rows, one.first_rows) for one in servers.findings()] == [("gone.example", 3, (4, 7, 10))]
    assert resolver.asked == [("mail.example", "MX"), ("gone.example", "MX")]


def test_findings_speak_of_clear_answers_alone() -> None:
    servers = MailServers(TableResolver(RECORDS))
    servers.look(people(f"ada@{name}" for name in SAYS))
    *against, unknown = servers.findings()
    assert {one.where: one.sentence.partition(":")[0] for one in against} == {
        "gone.example": "The domain gone.example does not exist",
        "null.example": "The domain null.example says that it takes no mail",
        "text.example": "The domain text.example has no server that takes mail",
    }
    assert (unknown.code, unknown.rows, unknown.first_rows) == ("domains_not_known", 0, ())
    assert "4 of 10 domains" in unknown.sentence


def test_many_bad_domains_share_a_finding_at_last() -> None:
    servers = MailServers(TableResolver({}))
    servers.look(people(f"ada@gone{n}.example" for n in range(30)))
    *each, rest = servers.findings()
    assert len(each) == 20
    assert (rest.sentence, rest.rows) == ("10 more domains do not exist or take no mail.", 10)


def test_a_dead_network_is_not_asked_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_servers, "AT_ONCE", 5)
    resolver = TableResolver({(f"{n}.example", "MX"): OSError("unreachable") for n in range(1_000)})
    reach = asyncio.run(ask(resolver, [f"{n}.example" for n in range(1_000)]))
    assert set(reach.values()) == {Reach.UNKNOWN}
    assert len(resolver.asked) < 30


def test_no_more_than_so_many_are_asked_at_once() -> None:
    now = most = 0

    class Slow(TableResolver):
        async def resolve(self, *args: Any, **how: Any) -> Any:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            return await super().resolve(*args, **how)

    asyncio.run(ask(Slow({}), [f"{n}.example" for n in range(500)]))
    assert most == mail_servers.AT_ONCE


def test_when_time_is_up_the_rest_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_servers, "IN_ALL", -1.0)
    resolver = TableResolver(RECORDS)
    assert asyncio.run(ask(resolver, ["mail.example"])) == {"mail.example": Reach.UNKNOWN}
    assert resolver.asked == []


def test_beyond_the_most_domains_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_servers, "MOST", 1)
    servers = MailServers(TableResolver(RECORDS))
    servers.look(people(["ada@mail.example", "bob@gone.example", "cy@gone.example"]))
    [unknown] = servers.findings()
    assert "1 of 2 domains" in unknown.sentence


def test_a_computer_without_a_resolver_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", none)
    with pytest.raises(SettingsError, match="no DNS resolver"):
        resolver_at("system")


def test_a_resolver_of_the_newer_kind_has_an_address_too() -> None:
    resolver: Any = resolver_at("[2001:db8::53]:5353")
    assert (resolver.nameservers, resolver.port) == (["2001:db8::53"], 5353)
