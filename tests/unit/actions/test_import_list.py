import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

import campaigns.actions.import_list as importing
from campaigns.actions.desk import Desk
from campaigns.actions.import_list import import_list
from campaigns.errors import SpreadsheetError, StoreError, UsageError
from campaigns.model.states import RowVerdict
from campaigns.recipients.sheet import Sheet, SheetRow
from campaigns.store import lists, recipients, sheets, tables
from campaigns.store.recipients import Recipient
from tests.doubles.desks import history_of
from tests.doubles.workspaces import PEOPLE, import_lines, with_settings

MESSY = ("email,name", "Ada@Example.org,Ada", "nonsense,Bob", "ada@example.ORG,Ada again", ",Nobody")


def rows_of(desk: Desk, name: str = "people") -> list[Recipient]:
    with desk.store.read() as conn:
        found = lists.find(conn, name)
        assert found is not None
        sheet = sheets.latest(conn, found.id)
        assert sheet is not None
        return recipients.page(conn, sheet.id, after=0, limit=1000)


def count(desk: Desk, table: str) -> int:
    with desk.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(tables.metadata.tables[table])) or 0


def test_every_row_of_a_messy_sheet_is_accounted_for(desk: Desk) -> None:
    result = import_lines(desk, MESSY)
    assert (result.rows, result.good, result.left_out) == (4, 1, 3)
    assert {finding.code: (finding.rows, finding.first_rows) for finding in result.findings} == {
        "rejected": (2, (3, 5)),
        "duplicate": (1, (4,)),
    }


def test_a_rejected_row_s_reason_is_said_with_its_row_and_cell(desk: Desk) -> None:
    [finding] = [one for one in import_lines(desk, MESSY).findings if one.code == "rejected"]
    assert "Row 3: “nonsense” has no @." in finding.sentence


def test_rows_are_kept_with_verdict_and_note(desk: Desk) -> None:
    import_lines(desk, MESSY)
    assert [(row.row, RowVerdict(row.verdict), row.note) for row in rows_of(desk)] == [
        (2, RowVerdict.GOOD, None),
        (3, RowVerdict.REJECTED, "“nonsense” has no @."),
        (4, RowVerdict.DUPLICATE, "same address as row 2"),
        (5, RowVerdict.REJECTED, "The address cell is empty."),
    ]


def test_the_address_as_typed_is_kept_only_where_it_differs(desk: Desk) -> None:
    import_lines(desk, ("email", "ada@example.org", "Bob@Example.net"))
    assert [(row.folded, row.given) for row in rows_of(desk)] == [
        ("ada@example.org", None),
        ("bob@example.net", "Bob@Example.net"),
    ]


def test_a_duplicate_is_found_across_batches(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    import_lines(desk, (*PEOPLE, "BOB@example.net,Bob"))
    assert rows_of(desk)[-1].note == "same address as row 3"


def test_the_same_person_in_two_lists_is_no_duplicate(desk: Desk) -> None:
    import_lines(desk)
    assert import_lines(desk, name="others").good == 3
    assert count(desk, "addresses") == 3


def test_the_next_sheet_says_what_is_new_changed_and_gone(desk: Desk) -> None:
    assert import_lines(desk).changes.as_json() == {"new": 3, "changed": 0, "gone": 0}
    lines = ("email,first_name", "ada@example.org,Ada", "bob@example.net,Robert", "dee@example.org,Dee", "x,y")
    second = import_lines(desk, lines)
    assert second.sheet == 2
    assert second.changes.as_json() == {"new": 1, "changed": 1, "gone": 1}


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    import_lines(desk)
    assert import_lines(desk).changes.as_json() == {"new": 0, "changed": 0, "gone": 0}


def test_people_are_compared_in_whatever_order_they_stand(desk: Desk) -> None:
    import_lines(desk)
    assert import_lines(desk, (PEOPLE[0], *reversed(PEOPLE[1:]))).changes.as_json() == {
        "new": 0,
        "changed": 0,
        "gone": 0,
    }


def test_cells_are_compared_by_field_wherever_the_column_stands(desk: Desk) -> None:
    import_lines(desk, ("email,first_name,city", "ada@example.org,Ada,Bonn", "bob@example.net,Bob,"))
    moved = import_lines(desk, ("city,email,first_name", "Bonn,ada@example.org,Ada", ",bob@example.net,Bob"))
    assert moved.changes.changed == 0


def test_a_column_that_came_changes_those_who_have_something_in_it(desk: Desk) -> None:
    import_lines(desk, ("email,first_name", "ada@example.org,Ada", "bob@example.net,Bob"))
    wider = import_lines(desk, ("email,first_name,city", "ada@example.org,Ada,Bonn", "bob@example.net,Bob,"))
    assert wider.changes.as_json() == {"new": 0, "changed": 1, "gone": 0}


def test_typed_cells_are_compared_too(desk: Desk) -> None:
    import_lines(desk, ("email,amount", "ada@example.org,1.50", "bob@example.net,2.50"))
    assert import_lines(desk, ("email,amount", "ada@example.org,1.50", "bob@example.net,2.75")).changes.changed == 1


def test_the_imported_file_is_kept_by_its_hash_for_its_owner_alone(desk: Desk) -> None:
    import_lines(desk)
    [kept] = desk.workspace.sheets.iterdir()
    assert kept.read_bytes() == (desk.workspace.root / "people.csv").read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    import_lines(desk)
    assert [*desk.workspace.sheets.iterdir()] == [kept]


def test_files_are_not_kept_where_the_settings_say_so(desk: Desk) -> None:
    import_lines(with_settings(desk, keep_sheets=False))
    assert not desk.workspace.sheets.exists()


def test_columns_are_kept_with_how_many_rows_are_empty(desk: Desk) -> None:
    result = import_lines(desk, ("email,first name", "ada@example.org,", "bob@example.net,Bob"))
    assert [(column.field, column.empty) for column in result.columns] == [("email", 0), ("first_name", 1)]
    with desk.store.read() as conn:
        assert sheets.columns_of(conn, 1) == result.columns


def test_an_import_is_written_into_the_history(desk: Desk) -> None:
    import_lines(desk)
    assert history_of(desk.store) == [("ada", "import", "list")]


def test_the_document_is_the_contract_s(desk: Desk) -> None:
    document = json.loads(json.dumps(import_lines(desk).as_json()))
    assert {key: document[key] for key in ("list", "sheet", "rows", "good", "left_out", "changes", "findings")} == {
        "list": "people",
        "sheet": 1,
        "rows": 3,
        "good": 3,
        "left_out": 0,
        "changes": {"new": 3, "changed": 0, "gone": 0},
        "findings": [],
    }
    assert document["columns"][0] == {
        "header": "email",
        "field": "email",
        "kind": "text",
        "empty": 0,
        "role": "address",
        "why": "name",
    }


@pytest.mark.parametrize("name", ["", "  ", "a\nb\x00"])
def test_a_list_needs_a_name(desk: Desk, name: str) -> None:
    with pytest.raises(UsageError):
        import_list(desk, desk.workspace.root / "nothing.csv", name)


def test_a_sheet_that_cannot_be_used_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(SpreadsheetError):
        import_list(desk, tmp_path / "empty.csv", "people")
    assert count(desk, "lists") == count(desk, "sheets") == count(desk, "history") == 0


def breaking_after(rows: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Sheet.rows

    def broken(self: Sheet) -> Iterator[SheetRow]:
        for n, row in enumerate(read(self)):
            if n == rows:
                raise error
            yield row

    monkeypatch.setattr(Sheet, "rows", broken)
    monkeypatch.setattr(importing, "BATCH", 1)


def test_an_import_that_breaks_off_leaves_no_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking_after(2, SpreadsheetError("broken"), monkeypatch)
    with pytest.raises(SpreadsheetError):
        import_lines(desk)
    assert count(desk, "recipients") == count(desk, "sheets") == count(desk, "history") == 0


def test_what_a_crash_left_is_removed_by_the_next_import_into_the_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(importing, "_remove", lambda *_: None)
        breaking_after(2, KeyboardInterrupt(), crash)
        with pytest.raises(KeyboardInterrupt):
            import_lines(desk)
    assert count(desk, "recipients") == 2
    assert import_lines(desk).sheet == 1
    assert (count(desk, "recipients"), count(desk, "sheets")) == (3, 1)


def test_a_half_copy_that_a_crash_left_is_removed_by_the_next_import(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crashed(original, copy):  # type: ignore[no-untyped-def]
        copy.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(importing.shutil, "copyfileobj", crashed)
        crash.setattr(importing, "_remove", lambda *_: None)
        crash.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            import_lines(desk)
    assert [path.read_bytes() for path in desk.workspace.sheets.iterdir()] == [b"half"]
    import_lines(desk)
    assert [path.suffix for path in desk.workspace.sheets.iterdir()] == [".csv"]


def test_an_import_whose_rows_another_has_begun_to_remove_does_not_become_a_sheet(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes_since = importing.changes_since

    def overtaken(conn, before, sheet_id, columns):  # type: ignore[no-untyped-def]
        with desk.store.write() as other:
            sheets.withdraw(other, sheet_id)
            recipients.remove_some(other, sheet_id, limit=2)
        return changes_since(conn, before, sheet_id, columns)

    with monkeypatch.context() as twice:
        twice.setattr(importing, "changes_since", overtaken)
        with pytest.raises(StoreError, match="took over"):
            import_lines(desk)
    assert count(desk, "recipients") == count(desk, "sheets") == 0


def test_an_import_that_is_stopped_after_its_end_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = importing._finish

    def stopped(*args: Any) -> None:
        finish(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as late:
        late.setattr(importing, "_finish", stopped)
        with pytest.raises(KeyboardInterrupt):
            import_lines(desk)
    assert len(rows_of(desk)) == 3


def test_a_file_that_changed_while_it_was_read_is_not_imported(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Sheet.rows

    def edited(self: Sheet) -> Iterator[SheetRow]:
        yield from read(self)
        (desk.workspace.root / "people.csv").write_text("email\nother@example.org\n")

    monkeypatch.setattr(Sheet, "rows", edited)
    with pytest.raises(SpreadsheetError, match="changed while"):
        import_lines(desk)
    assert count(desk, "recipients") == 0
    assert [*desk.workspace.sheets.iterdir()] == []


def test_an_import_that_another_took_over_stops(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = importing.addresses.keep
    monkeypatch.setattr(importing, "BATCH", 1)
    calls = []

    def taken_over(conn, folded):  # type: ignore[no-untyped-def]
        if not calls:
            calls.append(conn.execute(tables.sheets.update().values(n=99)))
        return keep(conn, folded)

    monkeypatch.setattr(importing.addresses, "keep", taken_over)
    with pytest.raises(StoreError, match="took over"):
        import_lines(desk)


def test_address_ids_far_beyond_the_list_are_fine(desk: Desk) -> None:
    with desk.store.write() as conn:
        conn.execute(insert(tables.domains).values(id=1, name="example.org", lane=0))
        conn.execute(insert(tables.addresses).values(id=300_000, folded="zed@example.org", domain_id=1))
    assert import_lines(desk, ("email", "zed@example.org", "ada@example.org", "ZED@example.org")).good == 2
