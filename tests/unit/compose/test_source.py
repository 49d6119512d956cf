import pytest

from campaigns.compose.source import BUILT_IN, TemplateSource, load_template
from campaigns.errors import TemplateError

HEAD = "---\nsubject: Hello\n---\n"


@pytest.fixture
def root(tmp_path):
    for folder in ("layouts", "blocks"):
        (tmp_path / "templates" / folder).mkdir(parents=True)
    return tmp_path


def write(root, **files):
    for name, text in files.items():
        (root / "templates" / name.replace("__", "/").replace("_dot_", ".")).write_text(text, encoding="utf-8")


def test_a_template_is_found_by_its_name_its_file_and_its_path(root, monkeypatch):
    write(root, welcome_dot_md=HEAD)
    monkeypatch.chdir(root / "templates" / "blocks")
    path = root / "templates" / "welcome.md"
    found = [
        load_template(root, name).name
        for name in ("welcome", "welcome.md", "templates/welcome.md", str(path), "../welcome.md")
    ]
    assert set(found) == {"templates/welcome.md"}


def test_a_template_at_the_workspaces_root_is_found(root):
    (root / "welcome.md").write_text(HEAD)
    assert load_template(root, "welcome.md").name == "welcome.md"


def test_the_name_alone_finds_it_there_too_if_the_folder_of_templates_has_none(root):
    (root / "autumn.md").write_text("---\nsubject: Root\n---\nWords\n")
    assert load_template(root, "autumn").name == "autumn.md"
    (root / "templates" / "autumn.md").write_text("---\nsubject: Folder\n---\nWords\n")
    assert load_template(root, "autumn").name == "templates/autumn.md"


def test_all_that_is_used_is_packed_through_every_file(root):
    write(
        root,
        news_dot_html='---\nsubject: x\nlayout: plain\n---\n{% include "a.html" %}{% from "blocks/b.html" import m %}',
        layouts__plain_dot_html='{% block content %}{% endblock %}{% include "foot.html" %}',
        layouts__foot_dot_html="foot",
        blocks__a_dot_html="{%- include 'b.html' -%}",
        blocks__b_dot_html="{% macro m() %}{% endmacro %}",
        blocks__unused_dot_html="",
    )
    assert set(load_template(root, "news").files) == {
        "templates/news.html",
        "templates/layouts/plain.html",
        "templates/layouts/foot.html",
        "templates/blocks/a.html",
        "templates/blocks/b.html",
    }


def test_markdown_without_a_layout_brings_the_built_in_frame(root):
    write(root, a_dot_md=HEAD, b_dot_html=HEAD)
    assert BUILT_IN in load_template(root, "a").files
    assert BUILT_IN not in load_template(root, "b").files


def test_what_stands_in_comments_and_raw_is_not_read(root):
    write(root, a_dot_html=HEAD + '{# {% include "gone.html" %} #}{% raw %}{% include "gone.html" %}{% endraw %}')
    assert len(load_template(root, "a").files) == 1


def test_a_missing_block_may_be_forgiven(root):
    write(root, a_dot_html=HEAD + '{% include "gone.html" ignore missing %}')
    assert len(load_template(root, "a").files) == 1


def test_the_hash_changes_with_a_layout_and_not_with_the_clock(root):
    write(root, a_dot_html=HEAD + '{% include "f.html" %}', blocks__f_dot_html="one")
    before = load_template(root, "a")
    assert load_template(root, "a").sha256 == before.sha256
    write(root, blocks__f_dot_html="two")
    assert load_template(root, "a").sha256 != before.sha256


def test_a_packed_version_is_unpacked_as_it_was(root):
    write(root, a_dot_html=HEAD + "größe {{ a }}")
    source = load_template(root, "a")
    assert TemplateSource.unpack(source.pack()) == source


def test_bom_and_other_line_ends_are_no_part_of_the_text(root):
    (root / "templates" / "a.md").write_bytes(b"\xef\xbb\xbf---\r\nsubject: x\r\n---\r\nline\rline\r\n")
    assert load_template(root, "a").files["templates/a.md"] == "---\nsubject: x\n---\nline\nline\n"


@pytest.mark.parametrize(
    ("wanted", "sentence", "remedy"),
    [
        ("welcom", "There is no template “welcom”.", "Did you mean welcome"),
        ("zzz", "There is no template “zzz”.", "welcome.md."),
        (
            "letter.docx",
            "This is a Word file.",
            "Save it as Web Page, Filtered (.html), or paste the words into a .md.",
        ),
        ("letter.msg", "This is an Outlook file.", "Save it as"),
        ("letter.odt", "This is a word processor file.", "Save it as"),
        ("../outside.md", "../outside.md does not lie in the workspace.", "Put it into"),
        ("list.csv", "list.csv is no template.", "ends in .md"),
        ("both", "There are several templates “both”: both.md, both.html.", "Name one with its ending."),
        ("nosubject", "nosubject.md has no subject.", "Begin the file"),
        ("latin", "latin.md is not saved as UTF-8.", "UTF-8"),
        ("large", "large.md is larger than 1 MB.", "Pictures"),
        ("binary", "binary.md is no text file.", "plain text"),
    ],
)
def test_what_cannot_be_used_is_said_with_a_remedy(root, wanted, sentence, remedy):
    write(root, welcome_dot_md=HEAD, nosubject_dot_md="Hello")
    (root.parent / "outside.md").write_text(HEAD)
    (root / "list.csv").write_text("a,b")
    if wanted == "both":
        write(root, both_dot_md=HEAD, both_dot_html=HEAD)
    (root / "templates" / "latin.md").write_bytes(HEAD.encode() + "größe".encode("cp1252"))
    (root / "templates" / "large.md").write_text(HEAD + "x" * 1_000_001)
    (root / "templates" / "binary.md").write_bytes(b"---\nsubject: x\n---\n\0")
    with pytest.raises(TemplateError) as caught:
        load_template(root, wanted)
    assert caught.value.sentence == sentence
    assert remedy in caught.value.remedy


def test_a_missing_block_is_named_with_what_there_is(root):
    write(root, a_dot_html=HEAD + 'x\n{% include "foter.html" %}', blocks__footer_dot_html="")
    with pytest.raises(TemplateError) as caught:
        load_template(root, "a")
    assert caught.value.remedy == "Did you mean footer.html?"
    assert caught.value.where.line == 5


def test_a_template_that_links_out_of_the_workspace_is_refused(root):
    (root.parent / "outside.md").write_text(HEAD)
    (root / "templates" / "a.md").symlink_to(root.parent / "outside.md")
    with pytest.raises(TemplateError, match="does not lie in the workspace"):
        load_template(root, "a")


def test_a_template_beside_the_sheet_is_meant_too(root):
    (root / "welcome.md").write_text("---\nsubject: Hello\n---\nHi\n", encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        load_template(root, "welcme.md")
    assert caught.value.remedy == "Did you mean welcome.md?"
