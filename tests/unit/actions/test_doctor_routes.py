"""What `doctor` says of routes and fallbacks."""

from typing import Any

from campaigns.actions.doctor_routes import led
from campaigns.settings import Settings

RELAY = {"relay": {"kind": "smtp", "host": "mail.example.com", "fallback": "cloud"}, "cloud": {"kind": "sendgrid"}}


def told(*routes: dict[str, Any], **more: Any) -> list[str]:
    asked = {"sender": {"from": "Ada <ada@example.org>"}, "transports": RELAY, "routes": routes, **more}
    return [f"{check.state}: {check.sentence}" for check in led(Settings.model_validate(asked))]


def test_nothing_is_said_where_there_is_neither() -> None:
    assert told(transports={}) == []


def test_what_goes_where_is_said() -> None:
    assert told({"through": "cloud", "domains": "outlook.com", "senders": "example.org"}) == [
        "good: mail to outlook.com from example.org goes through cloud; cloud stands in for relay."
    ]


def test_routes_that_no_mail_takes_are_said() -> None:
    _, *warnings = told(
        {"through": "cloud", "senders": "example.org"},
        {"through": "relay", "domains": "gmail.com", "senders": "ada@example.org"},
        {"through": "relay", "domains": "gmail.com", "senders": "bob@example.net"},
        {"through": "relay", "domains": "gmail.com"},
    )
    assert warnings == [
        "warn: No mail takes route 2: route 1 takes all of it.",
        "warn: No mail takes route 3: nobody sends as bob@example.net.",
    ]
