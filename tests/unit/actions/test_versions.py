import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.actions.check import check
from campaigns.actions.create import create
from campaigns.actions.desk import Desk
from campaigns.actions.proof import proof
from campaigns.actions.restore import restore
from campaigns.actions.versions import diff, listed
from campaigns.errors import TemplateError, UsageError
from tests.doubles.desks import history_of
from tests.doubles.standing_clock import StandingClock
from tests.doubles.workspaces import LETTER, import_lines, new_desk, with_settings, write_template

FRAMED = '---\nsubject: Hi\n---\n{% extends "frame.html" %}{% block body %}{{ first_name }} {{ unsubscribe_url }}{% endblock %}\n'
FRAME = "<html><body>{% block body %}{% endblock %}</body></html>\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = new_desk(tmp_path / "shop", StandingClock())
    (desk.workspace.templates / "layouts").mkdir()
    write_template(desk)
    write_template(desk, FRAME, "layouts/frame.html")
    import_lines(desk)
    yield desk
    desk.store.close()


def text_of(desk: Desk, name: str = "letter.html") -> str:
    return (desk.workspace.templates / name).read_text(encoding="utf-8")


def checked(desk: Desk, name: str = "spring", template: str = "letter") -> None:
    create(desk, name, template=template, list_name="people", transport="relay", replace=True)
    check(desk, name)


def numbers(desk: Desk) -> list[tuple[int, bool]]:
    return [(one["version"], one["now"]) for one in listed(desk, "letter").as_json()["versions"]]


def test_versions_are_numbered_within_their_template(desk: Desk) -> None:
    write_template(desk, LETTER, "other.html")
    checked(desk, "other", "other")
    checked(desk)
    write_template(desk, LETTER + "more\n")
    checked(desk)
    assert numbers(desk) == [(1, False), (2, True)]
    write_template(desk)
    assert numbers(desk) == [(1, True), (2, False)]


def test_a_version_names_who_used_it_and_for_how_many(desk: Desk) -> None:
    checked(desk)
    proof(replace(desk, who="bea"), "spring", "me@example.net")
    write_template(desk, LETTER + "more\n")
    proof(replace(desk, who="bea"), "spring", "me@example.net")
    first, second = listed(desk, "letter").as_json()["versions"]
    assert (first["who"], second["who"]) == ("ada", "bea")
    assert first["campaigns"] == [{"campaign": "spring", "state": "checked", "messages": 3, "proofs": 1}]
    assert second["campaigns"] == [{"campaign": "spring", "state": "checked", "messages": 0, "proofs": 1}]


def test_a_template_that_is_gone_or_broken_still_has_its_versions(desk: Desk) -> None:
    checked(desk)
    write_template(desk, "nothing")
    assert numbers(desk) == [(1, False)]
    (desk.workspace.templates / "letter.html").unlink()
    for name in ("letter", "letter.html", "templates/letter.html"):
        assert listed(desk, name).template == "templates/letter.html"
    restore(desk, "letter", 1)
    assert text_of(desk) == LETTER


def test_a_diff_is_from_the_newest_version_to_the_files(desk: Desk) -> None:
    checked(desk)
    assert diff(desk, "letter").files == []
    write_template(desk, LETTER.replace("Dear", "Beloved").rstrip())
    (file,) = diff(desk, "letter").as_json()["files"]
    assert file["diff"].startswith("--- letter.html (version 1)\n+++ letter.html (now)\n@@ ")
    assert "\n-<html><body><p>Dear {{ first_name }},</p>" in file["diff"]
    assert file["diff"].endswith("</html>\n\\ No newline at end of file\n")


def test_a_diff_shows_files_that_came_and_went_the_template_first(desk: Desk) -> None:
    checked(desk)
    write_template(desk, FRAMED)
    checked(desk)
    came = diff(desk, "letter", 1, 2).as_json()
    assert (came["from"], came["to"], [file["file"] for file in came["files"]]) == (
        1, 2, ["letter.html", "layouts/frame.html"],
    )  # fmt: skip
    assert came["files"][1]["diff"].startswith("--- /dev/null\n+++ layouts/frame.html (version 2)\n")
    assert "+++ /dev/null\n" in diff(desk, "letter", 2, 1).files[1].lines


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda desk: listed(desk, "nothing"), "There is no template 'nothing'"),
        (lambda desk: listed(desk, "note.txt"), "No version of note.txt is kept yet"),
        (lambda desk: diff(desk, "letter", 2), "letter.html has no version 2"),
        (lambda desk: restore(desk, "letter", 0), "letter.html has no version 0"),
    ],
)
def test_what_is_not_kept_is_refused(desk: Desk, ask: object, words: str) -> None:
    write_template(desk, "---\nsubject: x\n---\nHi\n", "note.txt")
    checked(desk)
    with pytest.raises(UsageError, match=words):
        ask(desk)  # type: ignore[operator]


def test_what_a_version_writes_over_is_kept_first_and_comes_back(desk: Desk) -> None:
    write_template(desk, FRAMED)
    checked(desk)
    write_template(desk, "unfinished, and no template at all")
    write_template(desk, FRAME + "<!-- mine -->\n", "layouts/frame.html")
    told = restore(desk, "letter", 1)
    assert (told.files, told.kept, told.differs) == (("layouts/frame.html", "letter.html"), 2, ())
    assert (text_of(desk), text_of(desk, "layouts/frame.html")) == (FRAMED, FRAME)
    assert restore(desk, "letter", 2).kept == 1
    assert text_of(desk) == "unfinished, and no template at all"
    assert text_of(desk, "layouts/frame.html").endswith("<!-- mine -->\n")
    assert history_of(desk.store)[-1] == ("ada", "versions restore", "template")


def test_a_layout_that_only_the_version_used_is_kept_too(desk: Desk) -> None:
    write_template(desk, FRAMED)
    checked(desk)
    write_template(desk)
    write_template(desk, "<html>a week's work</html>", "layouts/frame.html")
    kept = restore(desk, "letter", 1).kept
    assert kept is not None
    restore(desk, "letter", kept)
    assert (text_of(desk), text_of(desk, "layouts/frame.html")) == (LETTER, "<html>a week's work</html>")


def test_a_restored_version_is_that_version_to_the_next_check(desk: Desk) -> None:
    checked(desk)
    write_template(desk, LETTER + "more\n")
    checked(desk)
    restore(desk, "letter", 1)
    checked(desk)
    assert numbers(desk) == [(1, True), (2, False)]


def test_nothing_is_written_where_all_stands_there_already(desk: Desk) -> None:
    checked(desk)
    before = (desk.workspace.templates / "letter.html").stat().st_mtime_ns
    told = restore(desk, "letter", 1)
    assert (told.files, told.kept) == ((), None)
    assert (desk.workspace.templates / "letter.html").stat().st_mtime_ns == before
    assert history_of(desk.store)[-1][1] == "check"


def test_others_that_share_a_layout_are_named_and_so_is_a_file_that_goes_before(desk: Desk) -> None:
    write_template(desk, FRAMED)
    checked(desk)
    write_template(desk, FRAMED, "second.html")
    write_template(desk, FRAME + "<!-- x -->", "layouts/frame.html")
    assert restore(desk, "letter", 1).others == ("second.html",)
    write_template(desk, FRAME + "<!-- nearer -->", "frame.html")
    write_template(desk, FRAMED + "\n")
    assert restore(desk, "letter", 1).differs == ("frame.html", "layouts/frame.html")


def test_if_one_file_cannot_be_written_the_others_are_put_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_template(desk, FRAMED)
    checked(desk)
    write_template(desk, FRAMED + "mine\n")
    write_template(desk, FRAME + "mine\n", "layouts/frame.html")
    whole = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.name == "letter.html":
            raise OSError(28, "No space left on device", str(target))
        return whole(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(TemplateError, match="No space left on device"):
        restore(desk, "letter", 1)
    assert (text_of(desk), text_of(desk, "layouts/frame.html")) == (FRAMED + "mine\n", FRAME + "mine\n")
    assert not list(desk.workspace.templates.rglob(".*"))
    assert history_of(desk.store)[-1][1] == "check"


def test_a_link_is_neither_read_nor_written_over(desk: Desk) -> None:
    checked(desk)
    secret = desk.workspace.root / "secrets.toml"
    secret.write_text("password = 1\n", encoding="utf-8")
    (desk.workspace.templates / "letter.html").unlink()
    (desk.workspace.templates / "letter.html").symlink_to(secret)
    with pytest.raises(TemplateError, match="cannot be written over"):
        restore(desk, "letter.html", 1)
    assert secret.read_text(encoding="utf-8") == "password = 1\n"
    with desk.store.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM versions").scalar() == 1


def test_a_folder_that_leads_out_of_the_workspace_is_not_written_to(desk: Desk, tmp_path: Path) -> None:
    write_template(desk, FRAMED)
    checked(desk)
    (desk.workspace.templates / "layouts").rename(tmp_path / "layouts")
    (desk.workspace.templates / "layouts").symlink_to(tmp_path / "layouts")
    write_template(desk, "x")
    (tmp_path / "layouts" / "frame.html").write_text("not ours", encoding="utf-8")
    with pytest.raises(TemplateError, match="leads out of the workspace"):
        restore(desk, "letter", 1)
    assert (tmp_path / "layouts" / "frame.html").read_text(encoding="utf-8") == "not ours"


def test_what_no_version_could_hold_is_not_written_over(desk: Desk) -> None:
    checked(desk)
    (desk.workspace.templates / "letter.html").write_bytes(b"Gr\xfc\xdfe")
    with pytest.raises(TemplateError, match="UTF-8"):
        restore(desk, "letter", 1)
    assert (desk.workspace.templates / "letter.html").read_bytes() == b"Gr\xfc\xdfe"


def test_a_restored_file_is_as_readable_as_it_was(desk: Desk) -> None:
    checked(desk)
    path = desk.workspace.templates / "letter.html"
    write_template(desk, "x")
    path.chmod(0o600)
    restore(desk, "letter", 1)
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    mask = os.umask(0o022)
    try:
        restore(desk, "letter", 1)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o644


def test_versions_do_not_depend_on_the_settings(desk: Desk) -> None:
    checked(desk)
    assert len(listed(with_settings(desk, sender={}, transports={}), "letter").versions) == 1
