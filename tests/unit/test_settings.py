import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import SettingsError
from campaigns.model.states import CampaignKind
from campaigns.model.throttle import Throttle
from campaigns.settings import Settings, load_settings
from campaigns.settings_file import line_of, secret_in
from campaigns.settings_transports import MaildirSettings, SendgridSettings, SmtpSettings

RELAY = '[transports.relay]\nkind = "smtp"\nhost = "smtp.example.com"\n'
SENDGRID = '[transports.sendgrid]\nkind = "sendgrid"\n'
ENV_PASSWORD = {"MERGECAST_TRANSPORTS__RELAY__PASSWORD": "from the environment"}


def loaded(root: Path, toml: str, env: Mapping[str, str] | None = None, *, secrets: bool = False) -> Settings:
    (root / "mergecast.toml").write_text(toml, encoding="utf-8")
    return load_settings(root, env or {}, secrets=secrets)


def complaint(root: Path, toml: str, env: Mapping[str, str] | None = None, *, secrets: bool = False) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        loaded(root, toml, env, secrets=secrets)
    return caught.value


def put_secrets(root: Path, text: str, mode: int = 0o600) -> None:
    path = root / "secrets.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def relay(settings: Settings) -> SmtpSettings:
    found = settings.transports["relay"]
    assert isinstance(found, SmtpSettings)
    return found


def password(settings: Settings) -> str | None:
    secret = relay(settings).password
    return secret.get_secret_value() if secret else None


def test_an_empty_file_has_a_rehearsal_and_nothing_else(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "")
    assert settings.transports == {"local": MaildirSettings(kind="maildir")}
    assert settings.late_after == timedelta(minutes=60)
    assert settings.keep_sheets


def test_every_key_of_the_contract_is_read(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        """
        zone = "Europe/Berlin"
        locale = "de-DE"
        database = "sqlite:///other.db"
        public_url = "https://mail.example.org/"
        late_after = "30min"
        give_up_after = "48h"
        keep_sheets = false
        user = "ada"
        [sender]
        from = "Ada <ada@example.com>"
        reply_to = "office@example.com"
        [transports.relay]
        kind = "smtp"
        host = "smtp.example.com"
        port = 465
        tls = "implicit"
        user = "ada"
        ca_file = "ca.pem"
        connections = 7
        throttle = ["100/s", "50000/d"]
        [transports.sendgrid]
        kind = "sendgrid"
        base_url = "https://api.eu.sendgrid.com"
        batch = 500
        throttle = ["20/s burst 5"]
        """,
    )
    assert (settings.locale, settings.public_url, settings.user) == ("de_DE", "https://mail.example.org", "ada")
    assert (settings.late_after, settings.give_up_after) == (timedelta(minutes=30), timedelta(hours=48))
    assert settings.sender.allowed == ("Ada <ada@example.com>", "office@example.com")
    assert relay(settings).throttle == (Throttle(100, "s"), Throttle(50_000, "d"))
    sendgrid = settings.transports["sendgrid"]
    assert isinstance(sendgrid, SendgridSettings)
    assert (sendgrid.base_url, sendgrid.batch) == ("https://api.eu.sendgrid.com", 500)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("implicit", 465), ("none", 25)])
def test_the_port_follows_the_encryption(tmp_path: Path, tls: str, port: int) -> None:
    assert relay(loaded(tmp_path, f'{RELAY}tls = "{tls}"')).port == port


def test_transactional_mail_is_tried_for_longer_unless_set(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "")
    assert settings.gives_up_after(CampaignKind.BULK) == timedelta(hours=24)
    assert settings.gives_up_after(CampaignKind.TRANSACTIONAL) == timedelta(hours=72)
    assert loaded(tmp_path, 'give_up_after = "5h"').gives_up_after(CampaignKind.TRANSACTIONAL) == timedelta(hours=5)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("off", "off"),
        ("system", "system"),
        ("192.0.2.53", "192.0.2.53:53"),
        ("127.0.0.1:5353", "127.0.0.1:5353"),
        ("2001:db8::53", "[2001:db8::53]:53"),
        ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
    ],
)
def test_a_resolver_is_a_word_or_an_address(tmp_path: Path, typed: str, meant: str) -> None:
    assert loaded(tmp_path, f'dns = "{typed}"').dns == meant


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    env = {
        "MERGECAST_ZONE": "Europe/Paris",
        "MERGECAST_KEEP_SHEETS": "false",
        "MERGECAST_TRANSPORTS__RELAY__PORT": "2525",
        "MERGECAST_TRANSPORTS__RELAY__THROTTLE": "10/s, burst 3, 500/d",
    }
    settings = loaded(tmp_path, f'zone = "Europe/Berlin"\n{RELAY}', env)
    assert (settings.zone, settings.keep_sheets, relay(settings).port) == ("Europe/Paris", False, 2525)
    assert relay(settings).throttle == (Throttle(10, "s", 3), Throttle(500, "d"))


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    assert loaded(tmp_path, "", {"MERGECAST_WORKSPACE": "/x", "MERGECAST_DEBUG": "1", "HOME": "/"}) == loaded(
        tmp_path, ""
    )


@pytest.mark.parametrize(
    ("toml", "line", "meant"),
    [
        ('zoen = "UTC"', 1, "zone"),
        ('zone = "UTC"\n[sendr]\nfrom = "a@example.com"', 2, "sender"),
        ("[sender]\nfrm = 'a@example.com'", 2, "from"),
        ('[transports.relay]\nkind = "smtp"\nhots = "x"', 3, "host"),
        ('[transports.s]\nkind = "sendgrid"\nbatsh = 5', 3, "batch"),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_the_nearest(
    tmp_path: Path, toml: str, line: int, meant: str
) -> None:
    error = complaint(tmp_path, toml)
    assert error.where.file == "mergecast.toml"
    assert error.where.line == line
    assert error.remedy == f"Did you mean {meant}?"


def test_an_unknown_variable_is_refused_by_its_whole_name(tmp_path: Path) -> None:
    error = complaint(tmp_path, "", {"MERGECAST_TRANSPORT__RELAY__HOST": "x"})
    assert "MERGECAST_TRANSPORT__RELAY__HOST" in str(error.where)
    assert "transports" in error.remedy


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('zone = "Berlin"', "no time zone"),
        ('locale = "xx_YY"', "no locale"),
        ("late_after = 60", "needs its unit"),
        ('late_after = "60 parsecs"', "parsecs"),
        ('late_after = "0min"', "no time at all"),
        ('public_url = "ftp://example.org"', "no address of a web site"),
        ('database = "postgresql://ada:secret@db/mail"', "no SQLite file"),
        ('dns = "google"', "no DNS resolver"),
        ('dns = "192.0.2.53:dns"', "no port"),
        ("dns = true", "word or an address"),
        ('[sender]\nfrom = "Ada"', "no mail address"),
        ('[sender]\nfrom = "Lovelace, Ada <ada@example.com>"', "not one mail address"),
        ('[sender]\nfrom = "Ada\\nBcc: x <ada@example.com>"', "control character"),
        (f'{RELAY}throttle = ["fast"]', "no throttle"),
        (f'{RELAY}tls = "maybe"', "tls"),
        (f"{RELAY}connections = 0", "connections"),
        ('[transports.relay]\nkind = "smtp"\nhost = "smtps://smtp.example.com"', "no host name"),
        ('[transports.relay]\nkind = "smtp"', "needs `host`"),
        ('[transports.relay]\nkind = "pigeon"', "no known kind"),
        ('[transports.relay]\nhost = "x"', "does not say what it is"),
        ('transports = "relay"', "transports"),
        ("[[transports]]\nkind = 'smtp'", "transports"),
        ('zone = "UTC', "cannot be read"),
        ("zone = ", "cannot be read"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_its_place(tmp_path: Path, toml: str, said: str) -> None:
    error = complaint(tmp_path, toml)
    assert said in error.sentence
    assert error.sentence.endswith(".")
    assert "\n" not in error.sentence
    assert error.where.file == "mergecast.toml"


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "127.9.9.9:1", "[::1]:9464"])
def test_metrics_are_served_on_loopback(tmp_path: Path, listen: str) -> None:
    assert load_settings(tmp_path, {"MERGECAST_METRICS__LISTEN": listen}).metrics.listen == listen


@pytest.mark.parametrize(
    "listen",
    [
        "0.0.0.0:9464",
        "[::]:9464",
        "192.0.2.7:9464",
        "localhost:9464",
        "127.0.0.1",
        "9464",
        ":9464",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "::1:9464",
        "[127.0.0.1]:9464",
        "127.0.0.1:9464 ",
        "127.0.0.1:٩",
    ],
)
def test_metrics_are_served_nowhere_else(tmp_path: Path, listen: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path, {"MERGECAST_METRICS__LISTEN": listen})
    assert refused.value.sentence == f"metrics.listen: {listen!r} is no port of this computer alone."
    assert "127.0.0.1:9464" in refused.value.remedy


@pytest.mark.parametrize("name", ["Relay", "my relay", "relay__2", "_relay", "2relay", "relay_", "r-2"])
def test_transport_names_must_survive_the_environment(tmp_path: Path, name: str) -> None:
    assert "cannot be called" in complaint(tmp_path, f'[transports."{name}"]\nkind = "maildir"').sentence


def test_the_rehearsal_cannot_be_made_to_send(tmp_path: Path) -> None:
    error = complaint(tmp_path, '[transports.local]\nkind = "smtp"\nhost = "smtp.example.com"')
    assert "rehearsal" in error.sentence


@pytest.mark.parametrize(
    "url", ["https://api.sendgrid.com", "https://api.eu.sendgrid.com/", "http://127.0.0.1:8025", "http://[::1]:8025"]
)
def test_sendgrid_is_reached_at_its_two_hosts_or_on_loopback(tmp_path: Path, url: str) -> None:
    assert loaded(tmp_path, f'{SENDGRID}base_url = "{url}"')


@pytest.mark.parametrize(
    "url",
    [
        "http://api.sendgrid.com",
        "https://api.sendgrid.com.example.org",
        "https://sendgrid.example.org",
        "http://localhost:8025",
        "http://10.0.0.1",
        "http://127.0.0.1.example.org",
        "https://api.sendgrid.com@example.org",
        "https://ada:x@api.sendgrid.com",
        "https://api.sendgrid.com:8443",
        "https://api.sendgrid.com/v4",
        "http://127.0.0.1:99999",
        "http://127.0.0.1\\t:80",
        "file:///etc/passwd",
        "",
    ],
)
def test_the_key_is_sent_nowhere_else(tmp_path: Path, url: str) -> None:
    assert complaint(tmp_path, f'{SENDGRID}base_url = "{url}"').where.line == 3


@pytest.mark.parametrize("key", ["password", "api_key"])
def test_a_secret_in_the_settings_file_is_refused_with_the_remedy(tmp_path: Path, key: str) -> None:
    error = complaint(tmp_path, f'{RELAY}{key} = "hunter2"')
    assert error.where.line == 4
    assert "secrets.toml" in error.remedy
    assert f"MERGECAST_TRANSPORTS__RELAY__{key.upper()}" in error.remedy
    assert "hunter2" not in f"{error.sentence}{error.remedy}"


def test_secrets_come_from_their_own_file(tmp_path: Path) -> None:
    put_secrets(tmp_path, '[transports.relay]\npassword = "hunter2"')
    assert password(loaded(tmp_path, RELAY, secrets=True)) == "hunter2"


def test_a_secret_of_digits_stays_text(tmp_path: Path) -> None:
    assert (
        password(loaded(tmp_path, RELAY, {"MERGECAST_TRANSPORTS__RELAY__PASSWORD": "012345"}, secrets=True)) == "012345"
    )


def test_the_environment_goes_before_the_secrets_file(tmp_path: Path) -> None:
    put_secrets(tmp_path, '[transports.relay]\npassword = "hunter2"')
    assert password(loaded(tmp_path, RELAY, ENV_PASSWORD, secrets=True)) == "from the environment"


def test_without_being_asked_no_secret_is_read(tmp_path: Path) -> None:
    put_secrets(tmp_path, "this is not even TOML", mode=0o644)
    settings = loaded(tmp_path, f'{RELAY}password_file = "missing"', ENV_PASSWORD)
    assert password(settings) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_secrets_that_others_may_open_are_refused(tmp_path: Path, mode: int) -> None:
    put_secrets(tmp_path, "", mode)
    assert "chmod 600" in complaint(tmp_path, RELAY, secrets=True).remedy


def test_secrets_of_another_owner_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets(tmp_path, "")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "somebody else" in complaint(tmp_path, RELAY, secrets=True).sentence


def test_only_secrets_stand_in_the_secrets_file(tmp_path: Path) -> None:
    put_secrets(tmp_path, '[transports.relay]\nhost = "x"')
    error = complaint(tmp_path, RELAY, secrets=True)
    assert (error.where.file, error.where.line) == ("secrets.toml", 2)


def test_a_password_file_holds_the_password_and_a_line_end(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" hunter2 \n", encoding="utf-8")
    (tmp_path / "pw").chmod(0o600)
    assert password(loaded(tmp_path, f'{RELAY}password_file = "pw"', secrets=True)) == " hunter2 "


def test_a_password_file_that_others_may_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("hunter2\n", encoding="utf-8")
    (tmp_path / "pw").chmod(0o644)
    error = complaint(tmp_path, f'{RELAY}password_file = "pw"', secrets=True)
    assert "chmod 600" in error.remedy


RELAY = '[transports.relay]\nkind = "smtp"\nhost = "mx.example.com"\n'


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As systemd makes it: root's, mode 0440, in a folder that only the service sees."""
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o500)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    file = folder / "relay"
    file.write_text("s3cret\n", encoding="utf-8")
    file.chmod(0o440)
    if os.geteuid() == 0:  # then the service's user is somebody else
        monkeypatch.setattr(os, "geteuid", lambda: 990)
    return file


def test_a_credential_that_systemd_hands_over_is_read(tmp_path: Path, credential: Path) -> None:
    (tmp_path / "mergecast.toml").write_text(RELAY, encoding="utf-8")
    env = {"MERGECAST_TRANSPORTS__RELAY__PASSWORD_FILE": str(credential)}
    relay = load_settings(tmp_path, env, secrets=True).transports["relay"]
    assert isinstance(relay, SmtpSettings)
    assert relay.password is not None
    assert relay.password.get_secret_value() == "s3cret"


@pytest.mark.parametrize("mode", [0o444, 0o460, 0o640, 0o450])
def test_a_credential_that_others_may_open_or_change_is_refused(tmp_path: Path, credential: Path, mode: int) -> None:
    credential.chmod(mode)
    with pytest.raises(SettingsError, match="relay holds secrets"):
        secret_in(credential)


def test_such_a_file_elsewhere_is_refused_as_ever(
    tmp_path: Path, credential: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(SettingsError, match="relay holds secrets"):
        secret_in(credential)


def test_a_missing_password_file_is_named_with_the_setting_s_line(tmp_path: Path) -> None:
    error = complaint(tmp_path, f'{RELAY}password_file = "pw"', secrets=True)
    assert "pw" in error.sentence
    assert error.where.line == 4


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    settings = loaded(tmp_path, RELAY, ENV_PASSWORD, secrets=True)
    assert "from the environment" not in f"{settings!r}{settings.transports['relay']}"


def test_a_secret_of_the_wrong_type_does_not_show_in_the_complaint(tmp_path: Path) -> None:
    put_secrets(tmp_path, "[transports.relay]\npassword = 8472563")
    error = complaint(tmp_path, RELAY, secrets=True)
    assert "8472563" not in f"{error.sentence}{error.remedy}{error.where}"


def test_a_file_that_is_no_utf_8_says_so(tmp_path: Path) -> None:
    (tmp_path / "mergecast.toml").write_bytes('user = "Zoë"'.encode("cp1252"))
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(tmp_path, {})


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "mergecast.toml").write_bytes('user = "Zoë"'.encode("utf-8-sig"))
    assert load_settings(tmp_path, {}).user == "Zoë"


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("[t]\n\n x = 1", ("t", "x"), 3),
        ("[t.u]\nx = 1", ("t", "u"), 1),
        ("t.u.x = 1", ("t", "u", "x"), 1),
        ('["t"."u"]\n"x" = 1', ("t", "u", "x"), 2),
        ("[t]\nu = { x = 1 }", ("t", "u", "x"), 2),
        ("a = 1", ("b",), None),
    ],
)
def test_the_line_of_a_setting_is_found(text: str, key: tuple[str, ...], line: int | None) -> None:
    assert line_of(text, key) == line


@given(st.text(max_size=60))
def test_any_text_is_settings_or_a_settings_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("any")
    (root / "mergecast.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(SettingsError):
        load_settings(root, {})
