"""A DNS server on a loopback port, and a resolver without one, that answer from a table."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

Records = Mapping[tuple[str, str], str]  # (domain, kind) -> the record's text


@contextlib.contextmanager
def dns_server(records: Records) -> Iterator[str]:
    """Its `IP:PORT`. A domain without any record does not exist; `.broken` ones make it fail."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(line, records), daemon=True)
        thread.start()
        host, port = line.getsockname()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (host, port))
            thread.join()


def _serve(line: socket.socket, records: Records) -> None:
    while True:
        asked, asker = line.recvfrom(4096)
        if not asked:
            return
        line.sendto(_answer(dns.message.from_wire(asked), records).to_wire(), asker)


def _answer(asked: dns.message.Message, records: Records) -> dns.message.Message:
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.RA
    question = asked.question[0]
    name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
    if name.endswith(".broken"):
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif (name, kind) in records:
        answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, records[name, kind]))
    elif name not in {known for known, _ in records}:
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer


@dataclass
class TableResolver:
    """Answers as dnspython's resolver does; a domain that is an exception raises it."""

    records: Mapping[tuple[str, str], Any]
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def resolve(self, qname: str, rdtype: str, **_: Any) -> Any:
        name = qname.removesuffix(".")
        self.asked.append((name, rdtype))
        found = self.records.get((name, rdtype))
        if isinstance(found, Exception):
            raise found
        if found is None and name not in {known for known, _ in self.records}:
            raise dns.resolver.NXDOMAIN
        return SimpleNamespace(rrset=found and [SimpleNamespace(exchange=found)])
