import stat
import tomllib
import warnings
from pathlib import Path

import pytest

from campaigns.actions.desk import open_desk
from campaigns.actions.init import SAMPLE, init, machine_zone
from campaigns.actions.relays import Relay
from campaigns.errors import MergecastError, WorkspaceError
from campaigns.settings import load_settings
from campaigns.settings_transports import SendgridSettings, SmtpSettings
from campaigns.workspace import open_workspace


@pytest.fixture(autouse=True)
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A starter of our own, so that these tests hold whatever the real one says."""
    root = tmp_path / "originals"
    for name in ("templates/invitation.md", "templates/layouts/plain.mjml", "templates/blocks/footer.mjml", SAMPLE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"original {name}", encoding="utf-8")
    monkeypatch.setattr("campaigns.actions.init.starter", lambda: root)
    return root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_new_workspace_can_be_opened_with_its_store(tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="Europe/Berlin")
    workspace = open_workspace(tmp_path / "shop", {}, tmp_path)
    with open_desk(workspace, "ada") as desk:
        assert desk.workspace.settings.zone == "Europe/Berlin"
        assert desk.store.path == workspace.root / "mergecast.db"


def test_it_has_every_folder_and_the_starter_s_files(tmp_path: Path) -> None:
    result = init(tmp_path / "shop", zone="UTC")
    there = everything(tmp_path / "shop")
    assert {"templates/layouts", "templates/blocks", "attachments", "sheets", "mail", "previews"} <= there
    assert set(result.files) <= there
    assert (tmp_path / "shop/templates/invitation.md").read_text(encoding="utf-8").startswith("original")
    assert (tmp_path / "shop/people.csv").is_file()


def test_without_an_example_only_the_frame_is_made(tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="UTC", example=False)
    assert not (tmp_path / "shop/people.csv").exists()
    assert not list((tmp_path / "shop/templates").glob("*.md"))


@pytest.mark.parametrize("relay", list(Relay))
def test_every_relay_s_settings_load_and_carry_its_limits(tmp_path: Path, relay: Relay) -> None:
    init(tmp_path / "shop", relay, zone="UTC")
    settings = load_settings(tmp_path / "shop", {}, secrets=True)
    transport = settings.transports[relay.transport]
    assert isinstance(transport, SendgridSettings if relay is Relay.SENDGRID else SmtpSettings)
    assert transport.throttle or relay is Relay.SENDGRID
    assert settings.sender.from_


@pytest.mark.parametrize("relay", list(Relay))
def test_the_placeholder_of_the_secret_is_in_its_place_once_filled_in(tmp_path: Path, relay: Relay) -> None:
    init(tmp_path / "shop", relay, zone="UTC")
    path = tmp_path / "shop/secrets.toml"
    text = path.read_text(encoding="utf-8").replace('# password = "..."', 'password = "x"')
    path.write_text(text.replace('# api_key = "..."', 'api_key = "x"'), encoding="utf-8")
    transport = load_settings(tmp_path / "shop", {}, secrets=True).transports[relay.transport]
    assert isinstance(transport, SmtpSettings | SendgridSettings)
    secret = transport.api_key if isinstance(transport, SendgridSettings) else transport.password
    assert secret is not None
    assert secret.get_secret_value() == "x"


def test_secrets_and_the_store_are_the_owner_s_alone(tmp_path: Path) -> None:
    init(tmp_path / "shop", Relay.GMAIL, zone="UTC")
    assert mode(tmp_path / "shop/secrets.toml") == 0o600
    assert mode(tmp_path / "shop/mergecast.db") == 0o600
    assert mode(tmp_path / "shop") == 0o700


def test_no_relay_needs_no_secrets_file(tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="UTC")
    assert not (tmp_path / "shop/secrets.toml").exists()


def test_the_commented_settings_are_right_too(tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="UTC")
    text = (tmp_path / "shop/mergecast.toml").read_text(encoding="utf-8")
    top, _ = text.split("[sender]")
    commented = [line.removeprefix("# ") for line in top.splitlines() if line.startswith("# ") and " = " in line]
    assert len(commented) >= 5
    (tmp_path / "shop/mergecast.toml").write_text("\n".join(commented), encoding="utf-8")
    assert load_settings(tmp_path / "shop", {}).keep_sheets
    assert tomllib.loads(text)["zone"] == "UTC"


def test_a_workspace_is_not_made_twice(tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="UTC")
    before = everything(tmp_path / "shop")
    with pytest.raises(WorkspaceError, match="workspace already"):
        init(tmp_path / "shop", zone="UTC")
    assert everything(tmp_path / "shop") == before


def test_files_that_stand_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "shop/templates").mkdir(parents=True)
    (tmp_path / "shop/templates/invitation.md").write_text("mine", encoding="utf-8")
    result = init(tmp_path / "shop", zone="UTC")
    assert (tmp_path / "shop/templates/invitation.md").read_text(encoding="utf-8") == "mine"
    assert "templates/invitation.md" not in result.files


def test_a_shared_folder_is_closed_to_others_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop").chmod(0o775)
    assert init(tmp_path / "shop", zone="UTC").closed
    assert mode(tmp_path / "shop") == 0o755
    open_workspace(tmp_path / "shop", {}, tmp_path)


def test_a_failure_takes_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("campaigns.actions.init.create_store", broken)
    with pytest.raises(OSError, match="No space"):
        init(tmp_path / "a/shop", Relay.GMAIL, zone="UTC")
    assert not (tmp_path / "a").exists()


def test_a_database_without_settings_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/mergecast.db").write_bytes(b"precious")
    with pytest.raises(MergecastError, match="database already"):
        init(tmp_path / "shop", zone="UTC")
    assert everything(tmp_path / "shop") == {"mergecast.db"}
    assert (tmp_path / "shop/mergecast.db").read_bytes() == b"precious"


def test_the_originals_are_no_workspace(originals: Path) -> None:
    with pytest.raises(WorkspaceError, match="originals"):
        init(originals, zone="UTC")


def test_a_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text("", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="file of that name"):
        init(tmp_path / "shop", zone="UTC")


@pytest.mark.parametrize(
    ("told", "zone"), [("Europe/Berlin", "Europe/Berlin"), ("Etc/UTC", "UTC"), ("local", "UTC"), (None, "UTC")]
)
def test_the_machine_s_zone_is_an_iana_name(monkeypatch: pytest.MonkeyPatch, told: str | None, zone: str) -> None:
    def localzone() -> str | None:
        warnings.warn("odd machine", UserWarning, stacklevel=1)
        return told

    monkeypatch.setattr("tzlocal.get_localzone_name", localzone)
    assert machine_zone() == zone


@pytest.mark.parametrize("relay", list(Relay))
def test_a_relay_is_added_to_a_workspace_that_is_there(tmp_path: Path, relay: Relay) -> None:
    init(tmp_path / "shop", zone="UTC", example=False)
    before = (tmp_path / "shop/mergecast.toml").read_text(encoding="utf-8")
    result = init(tmp_path / "shop", relay, zone="")
    assert result.files == ("mergecast.toml", "secrets.toml")
    assert mode(tmp_path / "shop/secrets.toml") == 0o600
    assert (tmp_path / "shop/mergecast.toml").read_text(encoding="utf-8").startswith(before)
    assert relay.transport in load_settings(tmp_path / "shop", {}, secrets=True).transports


def test_secrets_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    init(tmp_path / "shop", Relay.GMAIL, zone="UTC", example=False)
    secrets = (tmp_path / "shop/secrets.toml").read_bytes()
    assert init(tmp_path / "shop", Relay.SENDGRID, zone="").files == ("mergecast.toml",)
    assert (tmp_path / "shop/secrets.toml").read_bytes() == secrets


def test_a_transport_of_that_name_is_not_added_twice(tmp_path: Path) -> None:
    init(tmp_path / "shop", Relay.GMAIL, zone="UTC", example=False)
    before = (tmp_path / "shop/mergecast.toml").read_bytes()
    with pytest.raises(WorkspaceError, match="already"):
        init(tmp_path / "shop", Relay.OFFICE365, zone="")
    assert (tmp_path / "shop/mergecast.toml").read_bytes() == before


def test_settings_that_would_break_by_it_stay_as_they_were(tmp_path: Path) -> None:
    init(tmp_path / "shop", zone="UTC", example=False)
    settings = tmp_path / "shop/mergecast.toml"
    settings.write_text('zone = "UTC"\ntransports = { old = { kind = "smtp", host = "mail.example.com" } }\n')
    before = settings.read_bytes()
    with pytest.raises(MergecastError):
        init(tmp_path / "shop", Relay.GMAIL, zone="")
    assert settings.read_bytes() == before
    assert not (tmp_path / "shop/secrets.toml").exists()
