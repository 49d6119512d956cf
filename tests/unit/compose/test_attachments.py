"""What `attachments:` names, and that no name leads out of the folder."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.compose.attachments import AttachmentFolder, NoFileError, opened, split
from campaigns.errors import TemplateError
from campaigns.model.states import Severity
from tests.unit.compose.rendering import ADA, EMPTY, problem, render


@pytest.mark.parametrize(
    ("text", "shared", "patterns"),
    [
        ("", (), ()),
        ("a.pdf", ("a.pdf",), ()),
        ("a.pdf, b c.pdf;d.pdf ,, a.pdf", ("a.pdf", "b c.pdf", "d.pdf"), ()),
        ("a.pdf, i/{{ n }}.pdf", ("a.pdf",), ("i/{{ n }}.pdf",)),
        ('{{ a|default("x, y") }}, b.pdf', ("b.pdf",), ('{{ a|default("x, y") }}',)),
        ("{% if vip %}a, b{% endif %}, c.pdf", ("c.pdf",), ("{% if vip %}a, b{% endif %}",)),
        ("{%- for f in fs %}{{ f }},{% endfor -%}, c", ("c",), ("{%- for f in fs %}{{ f }},{% endfor -%}",)),
    ],
)
def test_items_stand_between_commas_but_not_within_a_merge_field(text: str, shared: object, patterns: object) -> None:
    assert split(text) == (shared, patterns)


@given(st.text(alphabet="ab ,;{}%if#\"'"))
def test_any_text_is_split(text: str) -> None:
    shared, patterns = split(text)
    assert not any("{{" in path for path in shared)
    assert all("{" in pattern for pattern in patterns)


@pytest.fixture
def folder(tmp_path: Path) -> AttachmentFolder:
    here = tmp_path / "attachments"
    for path in ("a.pdf", "in/b.pdf", "Grüße.pdf", "two words.PDF", ".kept/00", ".hidden/c.pdf", "back\\slash.pdf"):
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_bytes(b"%PDF")
    (tmp_path / "secrets.toml").write_text("password")
    (tmp_path / "attachments-other").mkdir()
    (tmp_path / "attachments-other" / "x.pdf").write_text("x")
    for name, target in {
        "out": "../secrets.toml",
        "up": "..",
        "circle": "circle",
        "nowhere": "gone",
        "kept": ".kept/00",
        "fine": "in/b.pdf",
        "neighbour.pdf": "../attachments-other/x.pdf",
        "null": "/dev/null",
    }.items():
        (here / name).symlink_to(target)
    os.mkfifo(here / "pipe.pdf")
    return AttachmentFolder(tmp_path)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a.pdf", "a.pdf"),
        ("A.PDF", "a.pdf"),
        ("./in//b.pdf", "b.pdf"),
        ("in\\b.pdf", "b.pdf"),
        ("attachments/a.pdf", "a.pdf"),
        (unicodedata.normalize("NFD", "Grüße.pdf"), "Grüße.pdf"),
        ("GRÜSSE.pdf", "Grüße.pdf"),
        ("Two Words.pdf", "two words.PDF"),
        ("fine", "fine"),
    ],
)
def test_a_file_is_found_whatever_case_and_form_its_name_has(folder: AttachmentFolder, written: str, name: str) -> None:
    found = folder.find(written)
    assert (found.name, found.size) == (name, 4)
    with opened(found) as file:
        assert file.read() == b"%PDF"


def test_a_name_that_a_mac_made_is_found_and_sent_composed(tmp_path: Path) -> None:
    (tmp_path / "attachments").mkdir()
    (tmp_path / "attachments" / unicodedata.normalize("NFD", "Zoë Müller.pdf")).touch()
    assert AttachmentFolder(tmp_path).find("zoë müller.pdf").name == "Zoë Müller.pdf"


def test_the_very_name_goes_first_and_two_others_are_asked_about(tmp_path: Path) -> None:
    (tmp_path / "attachments").mkdir()
    for name in ("a.pdf", "A.pdf"):
        (tmp_path / "attachments" / name).write_text(name)
    folder = AttachmentFolder(tmp_path)
    assert [folder.find(name).name for name in ("a.pdf", "A.pdf")] == ["a.pdf", "A.pdf"]
    with pytest.raises(NoFileError, match=r"could be “A\.pdf” or “a\.pdf”"):
        folder.find("a.PDF")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("../secrets.toml", "file_outside"),
        ("in/../../secrets.toml", "file_outside"),
        ("..\\secrets.toml", "file_outside"),
        ("/etc/passwd", "file_outside"),
        ("\\\\server\\share\\a.pdf", "file_outside"),
        ("C:\\Users\\a.pdf", "file_outside"),
        ("c:a.pdf", "file_outside"),
        ("~/a.pdf", "file_outside"),
        ("file:///etc/passwd", "file_outside"),
        ("https://example.com/a.pdf", "file_outside"),
        ("out", "file_outside"),
        ("up/secrets.toml", "file_outside"),
        ("neighbour.pdf", "file_outside"),
        ("kept", "file_outside"),
        ("null", "file_outside"),
        (".kept/00", "file_missing"),
        (".hidden/c.pdf", "file_missing"),
        ("circle", "file_missing"),
        ("nowhere", "file_missing"),
        ("gone.pdf", "file_missing"),
        ("a.pdf/b", "file_missing"),
        ("in", "file_missing"),
        ("pipe.pdf", "file_missing"),
        ("", "file_missing"),
        (".", "file_missing"),
        ("a\0.pdf", "file_name"),
        ("a\n.pdf", "file_name"),
        ("fdp\u202eexe.a", "file_name"),
        ("x" * 2_000, "file_name"),
        ("\ud800.pdf", "file_name"),
    ],
)
def test_what_is_no_file_of_the_folder_is_refused_with_a_remedy(
    folder: AttachmentFolder, written: str, code: str
) -> None:
    with pytest.raises(NoFileError) as refused:
        folder.find(written)
    assert refused.value.code == code
    assert refused.value.words
    assert refused.value.remedy


def test_a_folder_that_is_itself_a_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.pdf").touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "attachments").symlink_to("../elsewhere")
    with pytest.raises(NoFileError, match="out of the workspace"):
        AttachmentFolder(tmp_path / "here").find("a.pdf")


def test_a_pipe_put_in_the_place_of_a_file_is_not_waited_for(folder: AttachmentFolder, tmp_path: Path) -> None:
    found = folder.find("a.pdf")
    (tmp_path / "attachments/a.pdf").unlink()
    os.mkfifo(tmp_path / "attachments/a.pdf")
    with pytest.raises(NoFileError, match="is no file"):
        opened(found)
    (tmp_path / "attachments/a.pdf").unlink()
    (tmp_path / "attachments/a.pdf").symlink_to("../secrets.toml")
    with pytest.raises(NoFileError, match="cannot be read"):
        opened(found)


@given(st.text())
def test_no_text_at_all_leads_out(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.getbasetemp() / "empty"
    (root / "attachments").mkdir(parents=True, exist_ok=True)
    with pytest.raises(NoFileError):
        AttachmentFolder(root).find(text)


def test_the_signature_changes_with_every_file(folder: AttachmentFolder, tmp_path: Path) -> None:
    seen = {folder.signature()}
    for change in (
        lambda here: (here / "in" / "new.pdf").touch(),
        lambda here: (here / "a.pdf").write_text("longer"),
        lambda here: os.utime(here / "a.pdf", (1, 1)),
        lambda here: (here / "in" / "b.pdf").unlink(),
    ):
        change(tmp_path / "attachments")
        seen.add(folder.signature())
    assert len(seen) == 5
    (tmp_path / "attachments" / ".kept" / "01").touch()
    assert folder.signature() in seen


# -- what a pattern gives for a row


def attaching(what: str, *rows: list[object]) -> list[object]:
    batch = render(f"---\nsubject: x\nattachments: {what}\n---\n<p>{{{{ first_name }}}}</p>", *rows)
    assert not batch.problems, batch.problems
    return [row[4] if len(row) == 5 else [] for row in batch.rows]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("{{ items|replace(', ', ';') }}", [("tea", True), ("milk", True)]),
        ("i/{{ first_name }} & co.pdf", [("i/Ada & co.pdf", True)]),
        ("{{ amount }}.pdf", [("1.234,50.pdf", True)]),
        ("{{ due|date('yyyy') }}.pdf", [("2026.pdf", True)]),
        ("{% if member %}club.pdf{% endif %}", [("club.pdf", False)]),
        ("{% if not member %}club.pdf{% endif %}", []),
        ("{% if member %}{{ first_name }}.pdf{% endif %}", [("Ada.pdf", True)]),
        ("{% if member %}a.pdf; b.pdf{% endif %}", [("a.pdf", False), ("b.pdf", False)]),
        ("{{ items|shared }}", [("tea, milk", False)]),
        ("{{ (locale ~ '.pdf')|shared }}", [("de.pdf", False)]),
        ("{{ campaign }}.pdf", [("winter.pdf", False)]),
        ("x.pdf, {{ first_name }}, {{ locale|shared }}", [("Ada", True), ("de", False)]),
    ],
)
def test_a_file_is_personal_where_a_value_of_the_row_stands_in_its_name(pattern: str, files: object) -> None:
    assert attaching(pattern) == [files]


@pytest.mark.parametrize(
    "pattern",
    [
        "{{ first_name|safe }}",
        "{{ first_name|escape }}",
        "{{ first_name|striptags }}",
        "{{ first_name|urlencode }}",
        "{{ first_name|nl2br }}",
        "{{ first_name ~ '.pdf' }}",
        "{% set x = first_name %}{{ x }}",
        "{% set x %}{{ first_name }}{% endset %}{{ x }}",
        "{% for item in items|split(',') %}{{ item }};{% endfor %}",
        "{% macro m() %}{{ first_name }}{% endmacro %}{{ m() }}",
        "{{ row }}.pdf",
    ],
)
def test_no_way_of_printing_a_value_hides_that_the_file_is_personal(pattern: str) -> None:
    ((*files,),) = attaching(pattern)
    assert files
    assert all(personal for _, personal in files)


def test_rows_are_rendered_as_they_are_without_files() -> None:
    body = "<p>{{ first_name }} {{ amount }}</p>"
    plain = render(f"---\nsubject: Hello\nreply_to: a@example.com\n---\n{body}", ADA, EMPTY)
    other = render(f"---\nsubject: Hello\nattachments: {{% if member %}}a{{% endif %}}\n---\n{body}", ADA, EMPTY)
    assert [row[2] for row in other.rows] == [row[2] for row in plain.rows]
    assert [shape for _, shape in other.shapes] == [shape for _, shape in plain.shapes]
    assert other.findings == plain.findings


@pytest.mark.parametrize("pattern", ["{{ first_name }}", "i/{{ first_name }}.pdf", "{{ items|trim }}"])
def test_a_row_whose_cell_is_empty_is_left_out(pattern: str) -> None:
    found = problem(f"---\nsubject: x\nattachments: {pattern}\n---\nx", EMPTY)
    assert (found.code, found.severity, found.where) == ("no_attachment", Severity.LEAVES_OUT, "mail.html, line 3")
    assert "{% if" in found.remedy


def test_mistakes_in_a_pattern_have_their_place() -> None:
    with pytest.raises(TemplateError) as caught:
        attaching("{{ first_name|upsidedown }}")
    assert str(caught.value.where).startswith("mail.html, line 3")
    with pytest.raises(TemplateError):
        attaching("{{ first_name")


def test_shared_is_a_filter_for_attachments_alone() -> None:
    with pytest.raises(TemplateError, match=r"no filter \|shared"):
        render("{{ first_name|shared }}")
