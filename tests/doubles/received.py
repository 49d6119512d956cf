"""What a person has in front of them, read from what each transport delivered, in one form to compare."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import default
from html.parser import HTMLParser

from tests.doubles.sendgrid_mails import Mail

_HANDLE = re.compile(r"(%20)?[0-9a-f]+\.[0-9a-f]{16}\b")  # a message's name: differs by campaign


@dataclass(frozen=True)
class Received:
    from_: tuple[str, str]
    to: str
    subject: str
    reply_to: tuple[str, str]
    list_headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    images: tuple[tuple[str, str, str, bytes], ...]  # Content-ID, type, disposition, data


def from_bytes(data: bytes) -> Received:
    """A mail as a mail program reads it."""
    mail = message_from_bytes(data, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not [part.defects for part in mail.walk() if part.defects]
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert len(mail.get_all(name, [])) == 1, name
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return Received(
        from_=_mailbox(mail, "From"),
        to=_mailbox(mail, "To")[1],
        subject=str(mail["Subject"]),
        reply_to=_mailbox(mail, "Reply-To"),
        list_headers=_list_headers({str(name): str(value) for name, value in mail.items()}),
        text=_words(text),
        html=_words(html),
        images=tuple(
            (str(part["Content-ID"]).strip("<>"), part.get_content_type(), str(part.get_content_disposition()),
             part.get_payload(decode=True))
            for part in mail.walk() if part.get_content_maintype() == "image"
        ),
    )  # fmt: skip


def from_sendgrid(mail: Mail) -> Received:
    """The mail that SendGrid would have made."""
    assert not mail.left_tags
    assert not mail.ambiguous
    assert len(mail.to) == 1
    images = [(one.content_id, one.type, one.disposition, one.data) for one in mail.attachments]
    return Received(
        from_=(mail.from_.name, mail.from_.email),
        to=mail.to[0].email,
        subject=mail.subject,
        reply_to=(mail.reply_to.name, mail.reply_to.email) if mail.reply_to else ("", ""),
        list_headers=_list_headers(mail.headers),
        text=without_handle(mail.text or ""),
        html=without_handle(mail.html or ""),
        images=tuple(images),
    )


def without_handle(text: str) -> str:
    return _HANDLE.sub(r"\1HANDLE", text)


def _mailbox(mail: EmailMessage, name: str) -> tuple[str, str]:
    if mail[name] is None:
        return ("", "")
    (address,) = mail[name].addresses
    return (address.display_name, address.addr_spec)


def _list_headers(headers: "dict[str, str] | object") -> tuple[tuple[str, str], ...]:
    assert hasattr(headers, "items")
    found = {name.lower(): " ".join(without_handle(value).split()) for name, value in headers.items()}
    return tuple(sorted((name, value) for name, value in found.items() if name.startswith("list-")))


def _words(part: MIMEPart | None) -> str:
    return "" if part is None else without_handle(str(part.get_content()).replace("\r\n", "\n"))


class _Tree(HTMLParser):
    """HTML as tags with their attributes, and texts with their blanks made one."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[object, ...]] = []
        self._text = ""
        self._hidden = ""
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_text()
        self.seen.append(("open", tag, tuple(attrs)))
        if tag in ("style", "title"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        self._end_text()
        self.seen.append(("close", tag))
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_comment(self, data: str) -> None:
        self._end_text()
        inside = _Tree()
        inside.feed(data)
        inside.end()
        self.seen.append(("comment", tuple(inside.seen)))

    def end(self) -> None:
        self.close()
        self._end_text()

    def _end_text(self) -> None:
        if words := self._text.split():
            self.seen.append(("text", " ".join(words)))
            if not self._hidden:
                self.words += words
        self._text = ""


def tree(html: str) -> list[tuple[object, ...]]:
    """A page as what a mail program sees of it."""
    parser = _Tree()
    parser.feed(html)
    parser.end()
    return parser.seen


def words_shown(html: str) -> list[str]:
    """A page's words, in their order, without those in its head."""
    parser = _Tree()
    parser.feed(html)
    parser.end()
    return parser.words
