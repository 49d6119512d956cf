from pathlib import Path

import pytest

from campaigns.errors import SettingsError
from campaigns.model.column import Role
from campaigns.recipients.names import fold, read_names, words_of
from tests.doubles import pages


def own(folder: Path, text: str) -> Path:
    (folder / "columns.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("same", ["E-Mail", "e mail", "EMAIL", "é_mail"])
def test_only_letters_and_digits_count(same: str) -> None:
    assert fold(same) == "email"


def test_a_header_has_words() -> None:
    assert words_of("Tél. portable_2 / PLZ") == {"tel", "portable", "2", "plz"}


def test_every_role_has_names_and_every_name_one_role() -> None:
    names = read_names()
    assert {role for _, role in names.headers.values()} == {role for role in Role if role}
    assert names.role_of("Sprache") is Role.LANGUAGE
    assert names.role_of("whatever") is Role.NONE
    assert names.rank("email") < names.rank("recipient")


def test_a_workspace_adds_names_in_front_of_ours(tmp_path: Path) -> None:
    names = read_names(
        own(tmp_path, '[headers]\naddress = ["Kontaktpost"]\ncity = ["Name"]\n[words]\ndigits = ["NIP"]\n')
    )
    assert names.role_of("kontakt-post") is Role.ADDRESS
    assert names.rank("Kontaktpost") < names.rank("E-Mail")
    assert names.role_of("Name") is Role.CITY
    assert names.role_of("Vorname") is Role.FIRST_NAME
    assert {"nip", "plz"} <= names.digits


def test_the_example_in_the_documents_works(tmp_path: Path) -> None:
    [example] = pages.blocks(pages.page("docs/templates.md"), "toml")
    names = read_names(own(tmp_path, example.text))
    assert names.role_of("Cognome") is Role.LAST_NAME
    assert {f"`{role}`" for role in Role if role} <= set(pages.page("docs/templates.md").replace(",", " ").split())


def test_a_workspace_without_the_file_has_ours(tmp_path: Path) -> None:
    assert read_names(tmp_path) is read_names()


@pytest.mark.parametrize(
    ("text", "sentence", "remedy"),
    [
        ("[headers", "cannot be read", "first_name ="),
        ('[header]\ncity = ["Ort"]', "no table called 'header'", "Did you mean [headers]?"),
        ('[headers]\nadress = ["Post"]', "called 'adress'", "Did you mean address?"),
        ('[headers]\naddress = "Post"', "`address` is no list", 'address = ["One"'),
        ("[headers]\naddress = [3]", "`address` is no list", "One"),
        ('[headers]\naddress = ["-"]', "`address` is no list", "One"),
        ("headers = 3", "`headers` is no table", "[headers]"),
        ('[words]\nzzz = ["x"]', "called 'zzz'", "There are: digits, country."),
    ],
)
def test_a_mistake_in_the_file_is_said_with_its_remedy(tmp_path: Path, text: str, sentence: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_names(own(tmp_path, text))
    assert sentence in refused.value.sentence
    assert remedy in refused.value.remedy
    assert refused.value.where.file == "columns.toml"


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "columns.toml").write_bytes('[headers]\ncity = ["Örtchen"]'.encode("cp1252"))
    with pytest.raises(SettingsError, match="cannot be read"):
        read_names(tmp_path)
