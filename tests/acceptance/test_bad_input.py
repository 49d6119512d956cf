"""Whatever is wrong with what was typed: one clear sentence with its place and remedy, exit status 2, nothing changed."""

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.doubles.command_line import CommandLine
from tests.doubles.documents import ERROR, mistakes
from tests.doubles.folders import files_of
from tests.doubles.hostile_files import write_hostile_files

LETTER = "---\nsubject: Hello {{ first_name }}\n---\nDear {{ first_name }}\n\n[leave]({{ unsubscribe_url }})\n"
PEOPLE = "email,first_name\nada@example.org,Ada\nbob@example.net,Bob\n"
SETTINGS = 'zone = "Europe/Berlin"\n[sender]\nfrom = "Ada <ada@mergecast-fair.org>"\n'


def gap() -> str:
    """Half past two in the night when Berlin's clocks go forward, next year."""
    last = date(datetime.now(UTC).year + 1, 3, 31)
    return f"{last - timedelta(days=(last.weekday() + 1) % 7)} 02:30"


@dataclass(frozen=True)
class Bad:
    """What is typed, and what the sentence, its place and its remedy must say."""

    typed: str  # {bad}: the folder of hostile files
    sentence: str
    remedy: str
    place: str = ""


def of_sheets() -> dict[str, Bad]:
    wrong = {
        "a missing file": ("peple.csv", "There is no file .*peple.csv", "people.csv", "peple.csv"),
        "a PDF named .csv": ("report.csv", "report.csv is a PDF", "made from", "report.csv"),
        "an encrypted workbook": ("locked.xlsx", "protected by a password", "remove the password", "locked.xlsx"),
        "a damaged workbook": ("torn.xlsx", "torn.xlsx is damaged", "repair", "torn.xlsx"),
        "a zip bomb": ("bomb.xlsx", "zip bomb", "CSV", "bomb.xlsx"),
        "a Word file": ("letter.docx", "letter.docx is a Word file", "save that as .xlsx", "letter.docx"),
        "an old Word file": ("letter.doc", "letter.doc is a Word file", "save that as .xlsx", "letter.doc"),
        "an empty sheet": ("nothing.csv", "nothing.csv is empty", "another file", "nothing.csv"),
        "an empty workbook": ("nothing.xlsx", "empty|no rows|nothing", ".", "nothing.xlsx"),
        "a header alone": ("header.csv", "no rows|header", ".", "header.csv"),
        "a workbook's header alone": ("header.xlsx", "no rows|header", ".", "header.xlsx"),
        "no address column": ("nobody.csv", "addresses", "--column", "nobody.csv"),
        "no UTF-8": ("cp1252.csv", "UTF-8", "--encoding", "cp1252.csv"),
    }
    return {name: Bad(f"{{bad}}/{file}", *words) for name, (file, *words) in wrong.items()}


VERBS = {
    "an unknown template": Bad("create new --template letr --list people", "no template “letr”", "letter"),
    "a Word file as template": Bad(
        "create new --template {bad}/letter.docx --list people", "a Word file", "Web Page, Filtered", "letter.docx"
    ),
    "a template elsewhere": Bad(
        "create new --template {bad}/elsewhere.md --list people", "not lie in the workspace", "templates", "elsewhere.md"
    ),
    "an unknown list": Bad("create new --template letter --list peopl", "no list 'peopl'", "people"),
    "a syntax error, at check": Bad("check broken", "“}” is not expected here", "bracket", "broken.md, line 4"),
    "a syntax error, at preview": Bad("preview broken --list people", "“}” is not expected here", "bracket", "broken.md, line 4"),
    "a start in the past": Bad(
        "create new --template letter --list people --at 2020-02-03T09:00", "3 February 2020.*in the past", "--at now"
    ),
    "a start in the past, at send": Bad("send good --yes --at 2020-02-03T09:00", "in the past", "--at now"),
    "a start in a gap of the clock": Bad(
        "create new --template letter --list people --at {gap} --zone Europe/Berlin",
        "02:30 does not exist on Sunday .* March .*: clocks jump from 02:00 to 03:00",
        "before 02:00, or from 03:00 on",
    ),
    "a start that can be read twice": Bad(
        "create new --template letter --list people --at 01/02/2099", "can be read as", "2099-0"
    ),
    "a nonexistent zone": Bad(
        "create new --template letter --list people --zone Europe/Berlinn", "no time zone", "Europe/Berlin"
    ),
    "an unreadable throttle": Bad(
        "create new --template letter --list people --throttle 20/fortnight", "20/fortnight", "20/s"
    ),
    "an unknown transport": Bad(
        "create new --template letter --list people --transport relay", "no transport 'relay'", "local"
    ),
    "a name that is taken": Bad("create good --template letter --list people", "already", "--replace"),
    "an unknown campaign": Bad("send goood --yes", "no campaign 'goood'", "good"),
    "a row that is not there": Bad("preview letter --list people --row 99", "no row 99", "numbered"),
    "resend of what": Bad("resend good", "needs to be told what", "--failed"),
    "resend of a draft": Bad("resend good --failed", "draft", "finished"),
    "an option that does not exist": Bad("run --web", "--web", "mergecast run --help"),
    "a verb that does not exist": Bad("serve", "serve", "mergecast --help"),
    "no address to suppress": Bad("suppress add nobody", "@", "ada@example.org"),
    "a kind of column that does not exist": Bad(
        "import people.csv --list people --type first_name=money", "'money' is no kind", "number"
    ),
    "a column that is not there": Bad(
        "import people.csv --list people --column email=Mail", "Mail", ".", "people.csv"
    ),
    "a workspace that is there": Bad("init", "a workspace already", "Work in it"),
    "no workspace there": Bad("status --workspace {bad}", "no workspace", "mergecast init"),
}  # fmt: skip
IMPORTS = {name: replace(bad, typed=f"import {bad.typed} --list people") for name, bad in of_sheets().items()}


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    write_hostile_files(folder)
    (folder / "elsewhere.md").write_text(LETTER, encoding="utf-8")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "letter.md").write_text(LETTER, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A list and three drafts; nothing in this file changes it."""
    here = CommandLine(tmp_path_factory.mktemp("workspace"))
    here.run("init")
    (here.folder / "mergecast.toml").write_text(SETTINGS, encoding="utf-8")
    (here.folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    templates = here.folder / "templates"
    (templates / "letter.md").write_text(LETTER, encoding="utf-8")
    (templates / "broken.md").write_text(
        LETTER.replace("Dear {{ first_name }}", "Dear {{ first_name }"), encoding="utf-8"
    )
    (templates / "unknown.md").write_text(LETTER.replace("Dear {{ first", "Dear {{ frist"), encoding="utf-8")
    here.run("import", "people.csv", "--list", "people")
    for name, template in (("good", "letter"), ("broken", "broken"), ("unknown", "unknown")):
        here.run("create", name, "--template", template, "--list", "people")
    here.run("check", "unknown", status=1)
    return here


def words_of(bad: Bad, bad_files: Path) -> list[str]:
    return [word.replace("{bad}", str(bad_files)).replace("{gap}", gap()) for word in bad.typed.split()]


def assert_refused(here: CommandLine, words: list[str], bad: Bad) -> None:
    """As a person reads it: the sentence first, then the place, the remedy last."""
    ran = here.run(*words, status=2)
    assert ran.out == ""
    sentence, *more = ran.err.splitlines()
    assert re.search(bad.sentence, sentence), ran.err
    assert sentence.endswith((".", "?", ")")), ran.err
    assert re.search(bad.remedy, more[-1]), ran.err
    assert bad.place in "".join(more[:1]), ran.err


def assert_refused_in_json(here: CommandLine, words: list[str], bad: Bad) -> None:
    """As a program reads it: one document, and nothing else anywhere."""
    ran = here.run(*words, "--json", status=2)
    assert (mistakes(ran.document, ERROR), ran.err) == ([], "")
    error = ran.document["error"]
    assert re.search(bad.sentence, error["sentence"]), error
    assert re.search(bad.remedy, error["remedy"]), error
    assert bad.place.partition(",")[0] in (error["where"]["file"] or "")


IN_JSON = (  # one of each kind
    "a PDF named .csv", "a syntax error, at check", "a start in a gap of the clock", "an unreadable throttle",
    "an unknown list", "resend of a draft", "an option that does not exist", "no workspace there",
)  # fmt: skip


@pytest.mark.parametrize("what", [*IMPORTS, *VERBS])
def test_bad_input_is_refused_in_a_sentence_and_nothing_has_changed(
    workspace: CommandLine, bad_files: Path, what: str
) -> None:
    bad = {**IMPORTS, **VERBS}[what]
    before = files_of(workspace.folder)
    assert_refused(workspace, words_of(bad, bad_files), bad)
    if what in IN_JSON:
        assert_refused_in_json(workspace, words_of(bad, bad_files), bad)
    assert files_of(workspace.folder) == before


MERGES = {
    **{name: replace(bad, typed=f"merge {bad.typed} letter.md --yes")
       for name, bad in of_sheets().items() if name in ("a missing file", "no address column")},
    "an unknown template": Bad("merge people.csv welcome.md --yes", "no template “welcome.md”", "."),
    "a Word file as template": Bad("merge people.csv letter.docx --yes", "a Word file", "Web Page, Filtered"),
    "a syntax error": Bad("merge people.csv broken.md --yes", "}", ".", "broken.md, line 4"),
    "an unknown merge field": Bad(
        "merge people.csv unknown.md --yes", "frist_name.*unknown.md, line 4, column 9", "mean first_name"
    ),
    "a start in a gap": Bad("merge people.csv letter.md --yes --at {gap} --zone Europe/Berlin", "not exist", "02:00"),
    "a nonexistent zone": Bad("merge people.csv letter.md --yes --zone Mars/Base", "no time zone", "Europe/Berlin"),
    "an unreadable throttle": Bad("merge people.csv letter.md --yes --throttle fast", "fast", "20/s"),
    "an unknown sender": Bad("merge people.csv letter.md --yes --from eve@example.org", "eve@example.org", "."),
}  # fmt: skip


@pytest.mark.parametrize("what", MERGES)
def test_a_merge_that_cannot_be_makes_no_workspace(bad_files: Path, tmp_path: Path, what: str) -> None:
    here = CommandLine(tmp_path)
    for name in ("people.csv", "letter.md"):
        shutil.copy(bad_files / name, tmp_path)
    (tmp_path / "broken.md").write_text(LETTER.replace("first_name }}\n\n", "first_name }\n\n"), encoding="utf-8")
    (tmp_path / "unknown.md").write_text(LETTER.replace("Dear {{ first", "Dear {{ frist"), encoding="utf-8")
    before = files_of(tmp_path)
    assert_refused(here, words_of(MERGES[what], bad_files), MERGES[what])
    assert files_of(tmp_path) == before


def test_an_unknown_merge_field_stops_the_campaign_and_is_found_by_check(workspace: CommandLine) -> None:
    found = workspace.json("check", "unknown", status=1)
    assert (found["ready"], found["left_out"]) == (0, 2)
    (stops,) = [finding for finding in found["findings"] if finding["severity"] == "stops"]
    assert "frist_name" in stops["sentence"]
    assert stops["where"] == "unknown.md, line 4, column 9"
    assert stops["remedy"] == "Did you mean first_name?"
    refused = workspace.run("send", "unknown", "--yes", status=2)
    assert refused.out == ""
    assert "frist_name" in refused.err.splitlines()[-2]
    assert "unknown.md, line 4" in refused.err
    assert refused.err.splitlines()[-1].startswith("Did you mean first_name?")
    (told,) = workspace.json("status", "unknown")["campaigns"]
    assert (told["state"], sum(told["messages"].values())) == ("draft", 0)


@pytest.mark.parametrize("verb", ["status", "run --until-idle", "upgrade"])
def test_a_newer_database_is_refused_and_left_alone(workspace: CommandLine, tmp_path: Path, verb: str) -> None:
    newer = CommandLine(tmp_path / "newer")
    shutil.copytree(workspace.folder, newer.folder)
    with closing(sqlite3.connect(newer.folder / "mergecast.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = files_of(newer.folder)
    bad = Bad(verb, "schema 9999; this Mergecast, .*, knows schemas up to", "newer Mergecast", "mergecast.db")
    assert_refused(newer, verb.split(), bad)
    assert {**files_of(newer.folder), "mergecast.db.lock": ""} == {**before, "mergecast.db.lock": ""}


def test_without_a_workspace_every_verb_but_those_that_make_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    before = files_of(tmp_path)
    bad = Bad("", "No workspace here", "Run `mergecast init`", tmp_path.name)
    here = CommandLine(tmp_path)
    for verb in (
        "import people.csv --list people",
        "send spring",
        "run",
        "status",
        "suppress list",
        "doctor",
        "upgrade",
    ):
        assert_refused(here, verb.split(), bad)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize(
    ("setting", "sentence", "remedy"),
    [
        ('zone = "Mars/Base"', "no time zone 'Mars/Base'", "Europe/Berlin"),
        ('[transports.relay]\nkind = "smtp"\nhost = "127.0.0.1"\nthrottle = ["fast"]', "fast", "20/s"),
        ('[transports.relay]\nkind = "smtp"\nhost = "127.0.0.1"\npassword = "hush"', "password", "secrets.toml"),
        ("colour = 3", "colour", "."),
        ("zone = ", ".", "."),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_line(
    workspace: CommandLine, tmp_path: Path, setting: str, sentence: str, remedy: str
) -> None:
    here = CommandLine(tmp_path / "copy")
    shutil.copytree(workspace.folder, here.folder)
    (here.folder / "mergecast.toml").write_text(f"# mine\n{setting}\n", encoding="utf-8")
    before = files_of(here.folder)
    assert_refused(here, ["status"], Bad("", sentence, remedy, "mergecast.toml, line"))
    assert files_of(here.folder) == before
