"""What a setting's value may be: each reader takes what a person typed, and says what is wrong with it."""

import ipaddress
import re
from datetime import timedelta
from email.utils import getaddresses
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, InstanceOf

from campaigns.errors import MergecastError
from campaigns.model.domain_group import folded_domain
from campaigns.model.duration import parse_duration
from campaigns.model.pause_above import PauseAbove
from campaigns.model.routes import folded_sender
from campaigns.model.send_window import SendWindow
from campaigns.model.throttle import Throttle
from campaigns.model.warm_up import WarmUp
from campaigns.model.when import zone_named
from campaigns.settings_file import WrongValueError
from campaigns.windows import Holidays

SENDGRID_HOSTS = ("api.sendgrid.com", "api.eu.sendgrid.com")


def _zone(value: object) -> object:
    return value if not isinstance(value, str) else _told(lambda: zone_named(value)).key


def _locale(value: object) -> object:
    if not isinstance(value, str):
        return value
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(value.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise WrongValueError(f"There is no locale {value!r}.", "Write it like en_US, en_GB or de_DE.") from None


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise WrongValueError("A length of time needs its unit.", 'Write it like "90s", "60min", "24h" or "3d".')
    length = parse_duration(value)
    if not length:
        raise WrongValueError(f"{value!r} is no time at all.", 'Write it like "60min" or "24h".')
    return length


def _throttles(value: object) -> object:
    texts = re.split(r",(?!\s*burst)", value) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        return value
    return tuple(_told(lambda text=text: Throttle.parse(str(text))) for text in texts if str(text).strip())


def _warm_up(value: object) -> object:
    """A table by its name, or a step for each day, in one text or in a list."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return _told(lambda: WarmUp.parse(text)) if isinstance(text, str) and text.strip() else text or None


def _windows(value: object) -> object:
    """One window, or a list of them; from the environment they are parted by semicolons."""
    texts = value if isinstance(value, list | tuple) else str(value).split(";")
    return tuple(_told(lambda text=text: SendWindow.parse(str(text))) for text in texts if str(text).strip())


def _holidays(value: object) -> object:
    texts = value if isinstance(value, list | tuple) else [value]
    return value if isinstance(value, Holidays) else _told(lambda: Holidays.parse(",".join(map(str, texts))))


def _addresses(value: object) -> object:
    texts = value.split(",") if isinstance(value, str) else value
    return tuple(_address(text) for text in texts) if isinstance(texts, list | tuple) else value


def _address(value: object) -> object:
    """`ada@example.com` or `Ada <ada@example.com>`, as typed; what is wrong with it is said in email-validator's words."""
    if not isinstance(value, str) or not value.strip():
        return value
    from email_validator import EmailNotValidError, validate_email

    if not value.isprintable():
        raise WrongValueError(
            "An address has a line break or another control character in it.", "Write it on one line."
        )
    remedy = 'Write it like "Ada <ada@example.com>"; a name with a comma in double quotes: \'"Lovelace, Ada" <...>\'.'
    found = getaddresses([value])
    if len(found) != 1 or not found[0][1]:
        raise WrongValueError(f"{value!r} is not one mail address.", remedy)
    try:
        validate_email(found[0][1], check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise WrongValueError(f"{value!r} is no mail address. {error}", remedy) from None
    return value.strip()


def _domains(value: object) -> object:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    return tuple(_told(lambda name=name: folded_domain(str(name))) for name in names)


def _senders(value: object) -> object:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    return tuple(_told(lambda name=name: folded_sender(str(name))) for name in names)


def _pause_above(value: object) -> object:
    return _told(lambda: PauseAbove.parse(value)) if isinstance(value, str) else value


def _public_url(value: object) -> object:
    if not isinstance(value, str) or not value:
        return value
    parts = _told(lambda: urlsplit(value))
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise WrongValueError(f"{value!r} is no address of a web site.", 'Write it like "https://mail.example.org".')
    return value.rstrip("/")


def _database(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"sqlite:///[^?#]+", value):
        raise WrongValueError("`database` is no SQLite file.", 'Write it like "sqlite:///mergecast.db".')
    return value


def _dns(value: object) -> object:
    """`off`, `system` or `IP:PORT`."""
    remedy = 'Write "off", "system" for this computer\'s own resolver, or the address of one, like "192.0.2.53".'
    if not isinstance(value, str):
        raise WrongValueError("It is a word or an address.", remedy)
    if value in ("off", "system"):
        return value
    host, _, port = value.rpartition(":") if "]:" in value or value.count(":") == 1 else (value, "", "53")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise WrongValueError(f"{value!r} is no DNS resolver.", remedy) from None
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise WrongValueError(f"{port!r} is no port.", remedy)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _hosts(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    for name in names if isinstance(names, list | tuple) else ():
        if isinstance(name, str) and not re.fullmatch(r"[\w.:-]+", name):
            raise WrongValueError(f"{name!r} is no host name.", 'Write the name alone, like "smtp.example.com".')
    return names


def _category(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and 0 < len(value) <= 255):
        raise WrongValueError(
            f"{value!r} is no category.", "SendGrid takes up to 255 letters, digits and signs of ASCII."
        )
    return value


def _sendgrid_url(value: object) -> object:
    """https to SendGrid's two hosts, or http to a literal loopback address: a name could be made to point elsewhere."""
    if not isinstance(value, str):
        return value
    parts, port = _told(lambda: (urlsplit(value), urlsplit(value).port))
    bare = value.isprintable() and not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if bare and parts.scheme == "https" and parts.hostname in SENDGRID_HOSTS and port in (None, 443):
        return f"https://{parts.hostname}"
    if bare and parts.scheme == "http" and _loopback(parts.hostname or ""):
        return value.rstrip("/")
    hosts = " or ".join(f"https://{host}" for host in SENDGRID_HOSTS)
    raise WrongValueError(
        "`base_url` would send the API key elsewhere.", f"Use {hosts}; a double on http://127.0.0.1:PORT."
    )


def _listen(value: object) -> object:
    """A literal loopback address and a port; a name could be made to point elsewhere."""
    if not isinstance(value, str) or not value:
        return value
    host, _, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    known = _loopback(host[1:-1] if bracketed else host) and bracketed == (host.count(":") > 0)
    if known and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536:
        return value
    raise WrongValueError(
        f"{value!r} is no port of this computer alone.",
        'Write it like "127.0.0.1:9464" or "[::1]:9464"; a proxy may show it to others, with a login.',
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _list_name(value: object) -> object:
    if not isinstance(value, str):
        return value
    tidy = " ".join(value.split())
    if not tidy or not tidy.isprintable():
        raise WrongValueError("A list needs a name.", 'Like list = "customers".')
    return tidy


def _told(read: Any) -> Any:
    """What `read` returns; an error meant for people keeps its remedy on the way through pydantic."""
    try:
        return read()
    except MergecastError as error:
        raise WrongValueError(error.sentence, error.remedy) from None
    except ValueError as error:
        raise WrongValueError(f"{error}.", "") from None


Address = Annotated[str, BeforeValidator(_address)]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses)]
Windows = Annotated[tuple[InstanceOf[SendWindow], ...], BeforeValidator(_windows)]
HolidayCodes = Annotated[InstanceOf[Holidays], BeforeValidator(_holidays)]
Throttles = Annotated[tuple[Throttle, ...], BeforeValidator(_throttles)]
WarmUpTable = Annotated[WarmUp | None, BeforeValidator(_warm_up)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
ListName = Annotated[str, BeforeValidator(_list_name)]
Domains = Annotated[tuple[str, ...], BeforeValidator(_domains)]
Senders = Annotated[tuple[str, ...], BeforeValidator(_senders)]
Listen = Annotated[str, BeforeValidator(_listen)]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_hosts)]
SendgridUrl = Annotated[str, BeforeValidator(_sendgrid_url)]
Category = Annotated[str, BeforeValidator(_category)]
Zone = Annotated[str, BeforeValidator(_zone)]
LocaleName = Annotated[str, BeforeValidator(_locale)]
Database = Annotated[str, BeforeValidator(_database)]
PublicUrl = Annotated[str, BeforeValidator(_public_url)]
ShareToPause = Annotated[PauseAbove | None, BeforeValidator(_pause_above)]
Dns = Annotated[str, BeforeValidator(_dns)]
