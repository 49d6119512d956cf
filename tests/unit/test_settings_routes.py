"""`[[routes]]` and `fallback` in the settings, and what cannot be meant: said with its place and its remedy."""

from pathlib import Path

import pytest

from campaigns.errors import SettingsError
from campaigns.model.routes import Route, Routes
from campaigns.settings import Settings, load_settings

RELAY = '[transports.relay]\nkind = "smtp"\nhost = "mail.example.com"\n'
CLOUD = '[transports.cloud]\nkind = "sendgrid"\n'
BOX = '[transports.box]\nkind = "maildir"\n'


def read(folder: Path, text: str) -> Settings:
    (folder / "mergecast.toml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def route(**lines: str) -> str:
    return "[[routes]]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items())


def test_routes_and_fallbacks_are_read_and_new_domains_are_groups(tmp_path: Path) -> None:
    text = (
        f'{RELAY}fallback = "cloud"\n{CLOUD}[limits."school.example"]\ndomains = "pupils.school.example"\n'
        + route(through='"cloud"', domains='["Outlook.com", "bücher.example"]')
        + route(through='"cloud"', domains='"school.example"', senders='["Ada@Example.com", "example.org"]')
    )
    settings = read(tmp_path, text)
    assert settings.all_routes == Routes(
        (
            Route("cloud", groups=("outlook.com", "xn--bcher-kva.example")),
            Route("cloud", groups=("school.example",), senders=("ada@example.com", "example.org")),
        ),
        {"relay": "cloud"},
    )
    groups = settings.all_limits.group_of()
    assert (groups["hotmail.com"], groups["xn--bcher-kva.example"]) == ("outlook.com", "xn--bcher-kva.example")
    assert (groups["school.example"], groups["pupils.school.example"]) == ("school.example", "school.example")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f'{RELAY}fallback = "clod"\n', 4, "There is no transport 'clod'. There are: local, relay."),
        (f'{RELAY}fallback = "local"\n', 4, "real mail would reach nobody: local is a rehearsal."),
        (f'{BOX}fallback = "relay"\n{RELAY}', 3, "a rehearsal would reach people: relay sends to people."),
        (f'{RELAY}fallback = "cloud"\n{CLOUD}sandbox = true\n', 4, "cloud is a rehearsal."),
        (f'{RELAY}fallback = "relay"\n', 4, "go round in a circle: relay, relay."),
        (f'{RELAY}fallback = "cloud"\n{CLOUD}fallback = "relay"\n', 4, "in a circle: relay, cloud, relay."),
        (RELAY + route(through='"cloud"', domains='"gmail.com"'), 5, "routes.1.through: There is no transport"),
        (RELAY + route(through='"local"', domains='"gmail.com"'), 5, "Rehearsals take no routes"),
        (RELAY + route(through='"relay"'), 4, "routes.1: The route has no condition"),
        (RELAY + route(domains='"gmail.com"'), 4, "routes.1 needs `through`."),
        (RELAY + route(through='"relay"', domains='"hotmail.com"'), 6, "counts together with outlook.com: their mail"),
        (RELAY + route(through='"relay"', domains='"gmail"'), 6, "'gmail' is no domain"),
        (RELAY + route(through='"relay"', senders='"a b@x.example"'), 6, "is neither an address nor a domain"),
        (
            RELAY + route(through='"relay"', domains='"a.example"') * 2 + "weight = 3\n",
            10,
            "no setting routes.2.weight.",
        ),
        (f'{RELAY}[routes]\nthrough = "relay"\n', 4, "Write each under a line of its own: [[routes]]"),
        (f'routes = ["relay"]\n{RELAY}', 1, "Routes are a list."),
    ],
)
def test_what_cannot_be_meant_names_the_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert caught.value.where.line == line
    assert said in f"{caught.value.sentence} {caught.value.remedy}"


def test_rehearsals_may_stand_in_for_each_other(tmp_path: Path) -> None:
    assert read(tmp_path, f'{CLOUD}sandbox = true\nfallback = "box"\n{BOX}').all_routes.fallbacks == {"cloud": "box"}
