from dataclasses import replace

import pytest

from campaigns.errors import SettingsError
from scheduler.transports.sendgrid import SendgridSettings, SendgridTransport

KEY = "SG.secret-of-this-test"
SETTINGS = SendgridSettings(name="bulk", api_key=KEY)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.sendgrid.com",
        "https://api.sendgrid.com/",
        "https://api.sendgrid.com:443",
        "https://api.eu.sendgrid.com",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080",
    ],
)
def test_the_key_goes_to_sendgrid_or_this_machine(base_url: str) -> None:
    assert replace(SETTINGS, base_url=base_url).base_url == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.sendgrid.com",
        "https://api.sendgrid.com.example.org",
        "https://example.org/api.sendgrid.com",
        "https://api.sendgrid.com@example.org",
        "https://user:word@api.sendgrid.com",
        "https://api.sendgrid.com:8443",
        "https://api.sendgrid.com/v3",
        "https://api.sendgrid.com?x=1",
        "https://127.0.0.1",
        "http://localhost:8080",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://[::]",
        "http://2130706433",
        "ftp://127.0.0.1",
        "api.sendgrid.com",
        "",
        "http://[",
    ],
)
def test_the_key_goes_nowhere_else(base_url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        replace(SETTINGS, base_url=base_url)
    assert caught.value.where.file == "mergecast.toml"
    assert caught.value.remedy


@pytest.mark.parametrize("batch", [0, -1, 1_001])
def test_a_batch_is_between_one_and_a_thousand(batch: int) -> None:
    with pytest.raises(SettingsError, match="batch"):
        replace(SETTINGS, batch=batch)


def test_there_is_at_least_one_connection() -> None:
    with pytest.raises(SettingsError, match="connections"):
        replace(SETTINGS, connections=0)


@pytest.mark.parametrize("key", ["", "SG.a b", "SG.line\n", "SG.größe"])
def test_a_key_that_cannot_be_one_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        replace(SETTINGS, api_key=key)
    assert not key or key not in str(caught.value.as_json())


def test_the_key_is_in_no_repr() -> None:
    transport = SendgridTransport(SETTINGS)
    connection = transport.connect()
    client = connection._opened()
    for thing in (SETTINGS, transport, connection, client, client.headers):
        assert KEY not in repr(thing)


def test_the_transport_says_what_it_is() -> None:
    transport = SendgridTransport(replace(SETTINGS, batch=1_000, connections=6))
    assert (transport.name, transport.kind, transport.leaves) == ("bulk", "sendgrid", True)
    assert (transport.batch, transport.connections) == (1_000, 6)
