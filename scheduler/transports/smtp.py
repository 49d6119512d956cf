"""SMTP (RFC 5321): one mail server, or several that stand for one."""

import asyncio
import socket
import ssl

from scheduler.transports.contract import Blame, Stage
from scheduler.transports.smtp_connection import SmtpConnection
from scheduler.transports.smtp_hosts import Hosts
from scheduler.transports.smtp_login import log_in
from scheduler.transports.smtp_session import (
    RefusedError,
    Session,
    SmtpSettings,
    Timeouts,
    open_session,
    our_fault,
    trusting,
    usable_name,
)

_TIMEOUTS = Timeouts()


class SmtpTransport:
    """One mail server."""

    kind = "smtp"
    leaves = True
    batch = 1

    def __init__(self, settings: SmtpSettings, timeouts: Timeouts = _TIMEOUTS) -> None:
        self.name = settings.name
        self.connections = settings.connections
        self.settings = settings
        self.timeouts = timeouts
        self.pipelines = True  # until the server complains of it
        self._context: ssl.SSLContext | None = None
        self._own_name: str | None = None
        self._hosts = Hosts(settings.hosts)

    def connect(self) -> SmtpConnection:
        return SmtpConnection(self)

    async def close(self) -> None:
        """Nothing is shared that would have to be closed."""

    async def open(self) -> Session:
        """A new session, with the next server that can be reached; raises RefusedError."""
        first: RefusedError | None = None
        for host in self._hosts.in_turn():
            try:
                session = await self.open_at(host)
            except RefusedError as refused:
                if refused.outcome.blame is not Blame.OUTAGE:
                    raise
                self._hosts.failed(host)
                first = first or refused
            else:
                self._hosts.answered(host)
                return session
        assert first is not None
        raise first

    async def open_at(self, host: str) -> Session:
        """A new session with one of the servers; raises RefusedError."""
        settings = self.settings
        if settings.user and settings.tls == "none":
            sentence = 'A password is never sent in clear. Set tls = "starttls" or "implicit" for this transport.'
            raise RefusedError(our_fault(Stage.AUTH, sentence))
        if self._context is None and settings.tls != "none":
            self._context = trusting(settings)
        if self._own_name is None:
            self._own_name = usable_name(await asyncio.to_thread(socket.getfqdn))
        session = await open_session(settings, host, self._context, self._own_name, self.timeouts)
        if settings.user:
            await log_in(session, settings.user, settings.password, settings.token)
        return session
