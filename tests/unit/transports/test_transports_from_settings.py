"""What the settings say becomes transports, or a sentence."""

from pathlib import Path

import pytest

from campaigns.settings import load_settings
from scheduler.transports.build import build_all
from scheduler.transports.smtp import SmtpTransport

RELAY = '[transports.relay]\nkind = "smtp"\nuser = "ada@example.com"\n'


def built(root: Path, text: str) -> tuple[SmtpTransport | None, str]:
    (root / "mergecast.toml").write_text(f'zone = "UTC"\n{text}')
    transports, broken = build_all(load_settings(root, {}, secrets=True), root)
    relays = [one for one in transports if isinstance(one, SmtpTransport)]
    return (relays[0] if relays else None), broken.get("relay", "")


def test_one_host_or_several(tmp_path: Path) -> None:
    for host, hosts in (
        ('"mx.example.com"', ("mx.example.com",)),
        ('["a.example", "b.example"]', ("a.example", "b.example")),
    ):
        relay, _ = built(tmp_path, f'{RELAY}host = {host}\ntoken_command = "tokens ada"\nmessages_a_connection = 50\n')
        assert relay is not None
        assert (relay.settings.hosts, relay.settings.messages_a_connection) == (hosts, 50)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("", "logs in as ada@example.com, and there is no password for it. Put `password` under [transports.relay]"),
        (
            'token_command = "tokens"\ntoken_file = "token"\n',
            "needs `user` and one of `token_command`, `token_file` and a password. Keep one of them",
        ),
        ('token_command = "tokens \'ada"\n', "cannot be read: No closing quotation. Close its quotes."),
    ],
)
def test_no_way_to_log_in_or_too_many(tmp_path: Path, keys: str, words: str) -> None:
    relay, broken = built(tmp_path, f'{RELAY}host = "mx.example.com"\n{keys}')
    assert relay is None
    assert words in broken
