"""docs/operating.md: its units are units, its commands work, and the worker runs as its service says."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import typer
from prometheus_client.parser import text_string_to_metric_families

from campaigns.settings import Settings
from scheduler.cli import app
from scheduler.worker import _DRAIN, _LAST_TRY
from tests.doubles import pages
from tests.doubles.command_line import CommandLine, until
from tests.doubles.serving import serving
from tests.doubles.smtp_server import SmtpServer

PAGE = re.sub(r"^   (?=\S)", "", pages.page("docs/operating.md"), flags=re.MULTILINE)  # blocks in a list are blocks
UNITS = {block.name: block.text for block in pages.blocks(PAGE, "ini")}
WORKER = "mergecast@.service"
SHEET = "email,first_name\nada@example.org,Ada\nbao@example.net,Bao\n"
LETTER = "---\nsubject: Hello {{ first_name }}\n---\nDear {{ first_name }},\n\n[leave]({{ unsubscribe_url }})\n"
PASSWORD = "tr0ub4dor"
VERBS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def directives(unit: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit, flags=re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        (tmp_path / name).write_text(text.replace("/opt/mergecast/bin/mergecast", "/bin/true"), encoding="utf-8")
    for name in UNITS:
        instance = tmp_path / name.replace("@", "@spring")
        instance.symlink_to(tmp_path / name)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", instance],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert str(tmp_path) not in done.stderr, done.stderr  # a directive that it does not know is only a warning


def test_the_service_is_hardened_and_gives_the_worker_its_time() -> None:
    unit = UNITS[WORKER]
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes", "CapabilityBoundingSet="} < {
        *unit.split("\n")
    }
    assert {"Type=notify", "Restart=on-failure", "User=mergecast"} < {*unit.split("\n")}
    for name in ("WatchdogSec", "TimeoutStopSec"):
        (seconds,) = directives(unit, name)
        assert int(seconds) > _DRAIN + _LAST_TRY
    assert directives(unit, "ReadWritePaths") == directives(unit, "WorkingDirectory") == ["/srv/mergecast/%i"]


def test_every_line_for_root_is_shell_and_names_what_the_units_name() -> None:
    for block in pages.blocks(PAGE, "sh"):
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True, capture_output=True)
        for unit in re.findall(r"\S+@spring\.\w+", block.text):
            assert unit.replace("spring", "") in UNITS
        for program in re.findall(r"/opt/\S+/mergecast\b", block.text):
            assert f"ExecStart={program} " in UNITS[WORKER]
        for credential in re.findall(r"LoadCredential=(\S+)", block.text):
            assert credential.replace("spring", "%i") in directives(UNITS[WORKER], "LoadCredential")


def test_the_settings_that_it_shows_are_settings() -> None:
    for block in pages.blocks(PAGE, "toml"):
        Settings.model_validate(tomllib.loads(block.text))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SmtpServer]:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(SmtpServer(offers=("PIPELINING", "STARTTLS"), tls=tls, users={"ada": PASSWORD})) as double:
        yield double


def test_the_whole_page_from_installing_to_moving(tmp_path: Path, server: SmtpServer) -> None:
    srv, backups = tmp_path / "srv", tmp_path / "backups"
    (srv / "spring").mkdir(parents=True)
    backups.mkdir()
    env = environment(tmp_path, server.port)
    line = CommandLine(srv / "spring", env, cold=True)
    typed = [one for block in pages.blocks(PAGE, "console") for one in pages.typed(block)]
    there = {"/srv/mergecast": str(srv), "/var/backups/mergecast": str(backups)}
    assert typed[0].args[0] == "init"
    line.run(*typed[0].args)
    queue(line)
    the_service_sends(line, tmp_path, server)
    for command in typed[1:]:
        args = [re.sub("|".join(there), lambda m: there[m[0]], arg) for arg in command.args]
        line.run(*args)


def environment(folder: Path, port: int) -> dict[str, str]:
    """What systemd makes of the unit's lines, with a relay on this machine."""
    credentials = folder / "credentials"
    credentials.mkdir()
    (name, _, _) = directives(UNITS[WORKER], "LoadCredential")[0].partition(":")
    (credentials / name).write_text(f"{PASSWORD}\n", encoding="utf-8")
    (credentials / name).chmod(0o440)
    credentials.chmod(0o500)
    given = dict(one.split("=", 1) for one in directives(UNITS[WORKER], "Environment"))
    return {
        "CREDENTIALS_DIRECTORY": str(credentials),
        **{
            name: value.replace("%d", str(credentials))
            for name, value in given.items()
            if name != "MERGECAST_WORKSPACE"
        },
        "MERGECAST_SENDER__FROM": "Ada <ada@your-company.com>",
        "MERGECAST_TRANSPORTS__RELAY__HOST": "127.0.0.1",
        "MERGECAST_TRANSPORTS__RELAY__PORT": str(port),
        "MERGECAST_TRANSPORTS__RELAY__CA_FILE": str(folder / "ca.pem"),
        "MERGECAST_TRANSPORTS__RELAY__USER": "ada",
        "MERGECAST_METRICS__LISTEN": f"127.0.0.1:{free_port()}",
    }


def queue(line: CommandLine) -> None:
    (line.folder / "people.csv").write_text(SHEET, encoding="utf-8")
    (line.folder / "templates" / "hello.md").write_text(LETTER, encoding="utf-8")
    line.run("import", "people.csv", "--list", "people")
    line.run("create", "fair", "--template", "hello.md", "--list", "people", "--transport", "relay")
    line.run("send", "fair", "--yes")


def the_service_sends(line: CommandLine, folder: Path, server: SmtpServer) -> None:
    """`ExecStart=`, as systemd would start, watch and stop it."""
    (start,) = directives(UNITS[WORKER], "ExecStart")
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(folder / "notify"))
    manager.settimeout(45)
    listen = line.env["MERGECAST_METRICS__LISTEN"]
    told = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "60000000"}
    service = CommandLine(line.folder, {**line.env, **told}, cold=True)
    with manager, service.running(*start.split()[1:]) as running:
        assert manager.recv(4_096).startswith(b"READY=1")
        assert manager.recv(4_096).startswith(b"WATCHDOG=1")
        until(lambda: len(server.mails) == 2)
        until(lambda: 'transport="relay"' in read(listen, "/metrics"))
        assert json.loads(read(listen, "/healthz"))["healthy"]
        figures = read(listen, "/metrics")
        ended, _ = running.terminate()
        assert ended.status == 0, ended
        manager.setblocking(False)
        assert b"STOPPING=1" in b"\n".join(iter_datagrams(manager))
    assert 'mergecast_messages_settled_total{outcome="accepted",transport="relay"} 2.0' in figures
    assert PASSWORD not in ended.out + ended.err + figures
    the_names_on_the_page_are_served(figures)


def iter_datagrams(manager: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield manager.recv(4_096)
        except BlockingIOError:
            return


def read(listen: str, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://{listen}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def the_names_on_the_page_are_served(figures: str) -> None:
    """Every metric that the table or a rule names is there, with these labels, and none is left out."""
    served = set(re.findall(r"^# TYPE (\w+)", figures, flags=re.MULTILINE))
    assert list(text_string_to_metric_families(figures))
    table = next(table for table in pages.tables(PAGE) if table[0][0] == "metric")
    assert {row[0].strip("`") for row in table[1:]} == served
    rules = next(block.text for block in pages.blocks(PAGE, "yaml") if block.name == "rules.yml")
    named = set(re.findall(r"\bmergecast_\w+", rules))
    assert len(named) == 4
    assert named <= served
