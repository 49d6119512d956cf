"""The same campaign of a thousand people leaves through a mailbox, SMTP and SendGrid: each gets the same mail thrice."""

import asyncio
import hashlib
import re
import ssl
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import mrml
import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from markdown_it import MarkdownIt

from campaigns.compose.inline import inlined
from tests.doubles.command_line import CommandLine
from tests.doubles.newsletter import (
    LAYOUT,
    MARKDOWN,
    MJML,
    PAGE,
    PICTURE,
    PUBLIC,
    REPLY_TO,
    SENDER,
    SETTINGS,
    people,
    write_newsletter,
)
from tests.doubles.once import made_once
from tests.doubles.received import Received, from_bytes, from_sendgrid, tree, words_shown
from tests.doubles.sendgrid_double import SendgridDouble
from tests.doubles.serving import serving

ROWS = {"mjml": people(1_000), "md": people(250)}
USER, PASSWORD = "mill", "p4ss wörd, 'quoted' \"twice\""
KEY = "SG.acceptance.key"
CID = f"{hashlib.sha256(PICTURE).hexdigest()[:24]}@mergecast"


@dataclass
class Keeper:
    """aiosmtpd's handler and authenticator: takes mail from one user alone, and over TLS alone."""

    kept: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    logins: int = 0

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        assert session.ssl is not None
        assert session.authenticated
        self.kept.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 Ok"

    def __call__(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins += 1
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()))


@contextmanager
def relay(authority: trustme.CA) -> Iterator[tuple[Keeper, int]]:
    keeper = Keeper()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    @asynccontextmanager
    async def listening() -> Any:
        def serve() -> SMTP:
            return SMTP(
                keeper, authenticator=keeper, hostname="mail.example.net", tls_context=context,
                require_starttls=True, auth_required=True,
            )  # fmt: skip

        server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await asyncio.sleep(0)

    with serving(listening()) as port:
        yield keeper, port


@dataclass
class Sent:
    """What each way delivered."""

    kind: str
    ways: dict[str, dict[str, Received]]  # by address
    envelopes: list[tuple[str, list[str], str]]  # of SMTP: sender, recipients, the mail's To
    logins: int
    requests: list[int]  # of SendGrid: how many people in each
    reports: dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=["mjml", "md"])
def sent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    return made_once(tmp_path_factory, request.param, lambda folder: sent_as(request.param, folder))


def sent_as(kind: str, folder: Path) -> Sent:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with relay(authority) as (smtp, port), SendgridDouble.in_thread(key=KEY) as sendgrid:
        here = CommandLine(folder, {"MERGECAST_TRANSPORTS__RELAY__PASSWORD": PASSWORD})
        set_up(here, port, sendgrid.url)
        write_newsletter(folder, ROWS[kind])
        reports = send_three_times(here, f"news.{kind}")
    by_smtp = [from_bytes(data) for _, _, data in smtp.kept]
    return Sent(
        kind=kind,
        ways={
            "maildir": by_address(from_bytes(path.read_bytes()) for path in (folder / "mail" / "new").iterdir()),
            "smtp": by_address(by_smtp),
            "sendgrid": by_address(from_sendgrid(mail) for mail in sendgrid.mails),
        },
        envelopes=[(sender, to, mail.to) for (sender, to, _), mail in zip(smtp.kept, by_smtp, strict=True)],
        logins=smtp.logins,
        requests=[len(document["personalizations"]) for document in sendgrid.documents],
        reports=reports,
    )


def set_up(here: CommandLine, port: int, sendgrid_url: str) -> None:
    """A workspace with two transports; one secret in the environment, the other in secrets.toml."""
    here.run("init")
    (here.folder / "mergecast.toml").write_text(
        f"""{SETTINGS}
[transports.relay]
kind = "smtp"
host = "127.0.0.1"
port = {port}
user = "{USER}"
ca_file = "ca.pem"
[transports.cloud]
kind = "sendgrid"
base_url = "{sendgrid_url}"
""",
        encoding="utf-8",
    )
    secrets = here.folder / "secrets.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(f'[transports.cloud]\napi_key = "{KEY}"\n', encoding="utf-8")


def send_three_times(here: CommandLine, template: str) -> dict[str, dict[str, Any]]:
    """A rehearsal, then the same campaign for real, then its twin through SendGrid."""
    here.run("import", "people.csv", "--list", "people")
    here.run("create", "news", "--template", template, "--list", "people")
    here.run("send", "news", "--yes")
    here.run("run", "--until-idle")
    reports = {"maildir": here.json("report", "news")}
    here.run("send", "news", "--yes", "--transport", "relay")
    here.run("run", "--until-idle")
    reports["smtp"] = here.json("report", "news")
    here.run("create", "twin", "--template", template, "--list", "people", "--transport", "cloud")
    refused = here.run("send", "twin", "--yes", status=2)
    assert re.search(r"This mail went to (1,000|250) people on \d+ \w+, \d\d:\d\d\.", refused.err)
    assert "To send it again: `--again`." in refused.err
    here.run("send", "twin", "--yes", "--again")
    here.run("run", "--until-idle")
    reports["sendgrid"] = here.json("report", "twin")
    return reports


def by_address(mails: Any) -> dict[str, Received]:
    found: dict[str, Received] = {}
    for mail in mails:
        assert mail.to not in found, f"{mail.to} got two mails"
        found[mail.to] = mail
    return found


@pytest.mark.parametrize("way", ["maildir", "smtp", "sendgrid"])
def test_everybody_got_one_mail(sent: Sent, way: str) -> None:
    rows = ROWS[sent.kind]
    assert set(sent.ways[way]) == {row["E-Mail"] for row in rows}
    report = sent.reports[way]
    assert (report["rows"], report["messages"]["accepted"], report["adds_up"]) == (len(rows), len(rows), True)


@pytest.mark.parametrize("way", ["smtp", "sendgrid"])
@pytest.mark.parametrize("part", ["from_", "to", "subject", "reply_to", "list_headers", "text", "html", "images"])
def test_what_a_person_gets_is_the_same_whichever_way_it_goes(sent: Sent, way: str, part: str) -> None:
    for address, rehearsed in sent.ways["maildir"].items():
        assert getattr(sent.ways[way][address], part) == getattr(rehearsed, part), address


def test_the_headers_are_as_set(sent: Sent) -> None:
    for mail in sent.ways["sendgrid"].values():
        assert (mail.from_, mail.reply_to) == (SENDER, REPLY_TO)
        assert mail.list_headers == (
            ("list-unsubscribe", f"<{PUBLIC}/u/HANDLE>, <mailto:{REPLY_TO[1]}?subject=unsubscribe%20HANDLE>"),
            ("list-unsubscribe-post", "List-Unsubscribe=One-Click"),
        )
        assert mail.images == ((CID, "image/png", "inline", PICTURE),)


def test_the_envelopes_of_smtp_name_one_person_each_after_few_logins(sent: Sent) -> None:
    assert {sender for sender, _, _ in sent.envelopes} == {SENDER[1]}
    assert all(to == [named] for _, to, named in sent.envelopes)
    assert 1 <= sent.logins <= 4


def test_sendgrid_gets_many_people_in_a_request(sent: Sent) -> None:
    assert sum(sent.requests) == len(ROWS[sent.kind])
    assert max(sent.requests) > 10
    assert len(sent.requests) < len(ROWS[sent.kind]) / 5


def test_each_subject_is_what_jinja_makes_of_it(sent: Sent) -> None:
    template = jinja(autoescape=False).from_string(front(source_of(sent.kind), "subject"))
    for row in ROWS[sent.kind]:
        expected = " ".join(template.render(fields(row)).split())
        assert sent.ways["smtp"][row["E-Mail"]].subject == expected


def test_pages_are_what_jinja_and_the_layout_tools_make_one_by_one(sent: Sent) -> None:
    render = plain_mjml if sent.kind == "mjml" else plain_markdown
    for row in some_of(ROWS[sent.kind]):
        got = sent.ways["smtp"][row["E-Mail"]].html
        assert tree(got) == tree(render(row)), row


def test_the_text_part_has_all_words_of_the_page_in_their_order(sent: Sent) -> None:
    for row in some_of(ROWS[sent.kind]):
        mail = sent.ways["smtp"][row["E-Mail"]]
        rest = iter(re.findall(r"\w+", mail.text))
        for word in re.findall(r"\w+", " ".join(words_shown(mail.html))):
            assert word in rest, (word, mail.text)
        assert f"{PUBLIC}/u/HANDLE" in mail.text
        assert "<b>Bold</b>" in mail.text or row["First Name"] != "<b>Bold</b>"


def some_of(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The first, those with the longest notes, and some with more points."""
    return [*rows[:60], *rows[97::97], *rows[500:520]]


# -- a plain render: each mail by itself, with Jinja and the layout tools alone


def source_of(kind: str) -> str:
    return MJML if kind == "mjml" else MARKDOWN


def front(source: str, key: str) -> str:
    return next(line.removeprefix(f"{key}: ") for line in source.splitlines() if line.startswith(f"{key}: "))


def body_of(source: str) -> str:
    return source.split("---\n", 2)[2]


def fields(row: dict[str, str]) -> dict[str, Any]:
    named = {name.lower().replace(" ", "_").replace("-", "_"): value for name, value in row.items()}
    return {**named, "points": int(row["Points"]), "unsubscribe_url": f"{PUBLIC}/u/HANDLE"}


def jinja(*, autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=autoescape, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["split"] = lambda text, mark: [part.strip() for part in text.split(mark) if part.strip()]
    environment.filters["urlencode"] = lambda text: quote(text, safe="")
    environment.filters["default"] = lambda text, instead: text or instead
    return environment


def in_layout(layout: str, content: str) -> str:
    return layout.replace("{% block content %}{% endblock %}", content)


def plain_mjml(row: dict[str, str]) -> str:
    source = in_layout(LAYOUT, body_of(MJML)).replace("c={{ company }}", "c={{ company|urlencode }}")
    page = mrml.to_html(jinja(autoescape=True).from_string(source).render(fields(row)), None, OPTIONS).content
    return finished(page)


def plain_markdown(row: dict[str, str]) -> str:
    """Values as entities, character by character, or as a word: Markdown finds no mark of its own in them."""

    def everything(value: object) -> object:
        if isinstance(value, str) and "HANDLE" not in value:
            return "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c)};" for c in value) or "NOTHING"
        return value

    environment = jinja(autoescape=False)
    environment.finalize = everything
    environment.filters["urlencode"] = lambda text: Verbatim(quote(text, safe=""))
    written = environment.from_string(body_of(MARKDOWN)).render(fields(row))
    content = (
        MarkdownIt("commonmark", {"html": True}).enable("table").disable("code").render(written).replace("NOTHING", "")
    )
    return finished(in_layout(PAGE, content))


class Verbatim:
    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def finished(page: str) -> str:
    whole, _ = inlined(page)
    return whole.replace("pictures/kiln.png", f"cid:{CID}").replace("charset=UTF-8", "charset=utf-8")


OPTIONS = mrml.RenderOptions(fonts={}, disable_comments=True)
