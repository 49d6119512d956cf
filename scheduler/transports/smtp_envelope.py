"""An envelope as the commands that carry it (RFC 5321 4.1.1, RFC 6531)."""

import re

from campaigns.message.message import Envelope
from scheduler.transports.contract import Blame, Outcome, Stage, Verdict
from scheduler.transports.smtp_session import Features, our_fault

_NOT_IN_A_PATH = re.compile(r"[\x00-\x20\x7f<>]")


def commands(envelope: Envelope, features: Features) -> bytes:
    parameters = ""
    if not (envelope.mail_from.isascii() and envelope.rcpt_to.isascii()):
        parameters = " SMTPUTF8 BODY=8BITMIME" if features.eight_bit else " SMTPUTF8"
    return f"MAIL FROM:<{envelope.mail_from}>{parameters}\r\nRCPT TO:<{envelope.rcpt_to}>\r\nDATA\r\n".encode()


def unsendable(envelope: Envelope, features: Features) -> Outcome | None:
    """Addresses that no command may carry, or not to this server."""
    both = envelope.mail_from + envelope.rcpt_to
    if both.isascii() and _NOT_IN_A_PATH.search(both) is None:
        return None
    for stage, address in ((Stage.MAIL, envelope.mail_from), (Stage.RCPT, envelope.rcpt_to)):
        if _NOT_IN_A_PATH.search(address):
            sentence = f"{address!a} has a character that no address on the wire may have."
        elif not address.isascii() and not features.smtputf8:
            sentence = f"{address} has letters outside ASCII, and the server does not take them (no SMTPUTF8)."
        else:
            continue
        if stage is Stage.MAIL:
            return our_fault(stage, sentence)
        return Outcome(Verdict.REJECTED, stage, Blame.RECIPIENT, text=sentence)
    return None
