"""Logging in to an SMTP server (RFC 4954): PLAIN, LOGIN, or XOAUTH2 with a token that somebody else keeps fresh."""

from base64 import b64encode

from scheduler.transports.contract import Stage
from scheduler.transports.smtp_replies import Reply
from scheduler.transports.smtp_session import RefusedError, Session, dropped_on_failure, our_fault
from scheduler.transports.token import Token, TokenError

_LONGEST_COMMAND = 512  # RFC 5321 4.5.3.1.4


async def log_in(session: Session, user: str, password: str, token: Token | None) -> None:
    """With the token if there is one; raises RefusedError, and then the session is of no more use."""
    with dropped_on_failure(session):
        reply = await (_by_token(session, user, token) if token else _by_password(session, user, password))
        if reply.code >= 300:
            raise RefusedError(session.judged(Stage.AUTH, reply))


async def _by_password(session: Session, user: str, password: str) -> Reply:
    both = _base64(f"\0{user}\0{password}")
    session.hide(password, _base64(password), both)
    if "PLAIN" in session.features.auth:
        return await _answering(session, "PLAIN", both)
    if "LOGIN" not in session.features.auth:
        raise _not_offered(session, "login with a name and a password (PLAIN or LOGIN)")
    reply = await session.ask(Stage.AUTH, "AUTH LOGIN")
    for answer in (_base64(user), _base64(password)):
        if reply.code == 334:
            reply = await session.ask(Stage.AUTH, answer)
    return reply


async def _by_token(session: Session, user: str, token: Token) -> Reply:
    """A token that is refused may have run out since it was read: it is asked for once more."""
    if "XOAUTH2" not in session.features.auth:
        raise _not_offered(session, "login with a token (XOAUTH2)")
    for fresh in (False, True):
        try:
            text = await token.text(fresh=fresh)
        except TokenError as error:
            raise RefusedError(our_fault(Stage.AUTH, str(error))) from None
        answer = _base64(f"user={user}\x01auth=Bearer {text}\x01\x01")
        session.hide(text, answer)
        reply = await _answering(session, "XOAUTH2", answer)
        if reply.code == 334:  # both Google and Microsoft say here what is wrong, and wait for an empty answer
            reply = await session.ask(Stage.AUTH, "")
        if reply.code != 535 or token.is_fresh:
            break
    return reply


async def _answering(session: Session, mechanism: str, answer: str) -> Reply:
    """RFC 4954 4: an initial response must fit into a command."""
    command = f"AUTH {mechanism} {answer}"
    if len(command) + 2 <= _LONGEST_COMMAND:
        return await session.ask(Stage.AUTH, command)
    reply = await session.ask(Stage.AUTH, f"AUTH {mechanism}")
    return await session.ask(Stage.AUTH, answer) if reply.code == 334 else reply


def _not_offered(session: Session, what: str) -> RefusedError:
    return RefusedError(our_fault(Stage.AUTH, f"{session.where} offers no {what}."))


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
