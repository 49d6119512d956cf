"""Reading settings from files and the environment, and saying what is wrong with them: the place and the remedy."""

import difflib
import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from campaigns.errors import SettingsError, Where

SETTINGS_FILE = "mergecast.toml"
SECRETS_FILE = "secrets.toml"
PREFIX = "MERGECAST_"
NO_SETTINGS = ("MERGECAST_WORKSPACE", "MERGECAST_DEBUG")  # they say where and how to run, not with what settings
SECRETS = ("password", "api_key")
SECRET_FILES = {"password_file": "password", "api_key_file": "api_key"}

Key = tuple[str, ...]


class WrongValueError(ValueError):
    """What a validator has to say to a person; `key` where it is not the validated field itself."""

    def __init__(self, sentence: str, remedy: str, key: Key = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.key = key


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings, and its text for finding lines in."""

    name: str  # the file's name; "" for the environment
    data: dict[str, Any]
    text: str = ""

    def where(self, key: Key) -> Where:
        if not self.name:
            whole = next((leaf for leaf in _keys(self.data) if leaf[: len(key)] == key), key)
            return Where(file=f"environment variable {PREFIX}{'__'.join(whole).upper()}")
        return Where(file=self.name, line=line_of(self.text, key))


@dataclass(frozen=True, slots=True)
class Layers:
    """All sources; a later one wins."""

    layers: tuple[Layer, ...]

    def merged(self) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        for layer in self.layers:
            whole = _merge(whole, layer.data)
        return whole

    def where(self, key: Key) -> Where:
        """The place of the setting; of the table that it should stand in, where it stands nowhere."""
        for length in range(len(key), 0, -1):
            for layer in reversed(self.layers):
                if _has(layer.data, key[:length]):
                    return layer.where(key[:length])
        return Where(file=SETTINGS_FILE)


def read_layers(root: Path, env: Mapping[str, str], *, secrets: bool) -> Layers:
    """`mergecast.toml`, what `*_file` settings name, `secrets.toml` and the environment; SettingsError."""
    path = root / SETTINGS_FILE
    settings = _toml(path) if path.exists() else Layer(SETTINGS_FILE, {})  # a folder that is no workspace yet
    for key in _secret_keys(settings.data):
        raise _secret_in_the_open(settings, key)
    variables = _environment(env, secrets=secrets)
    if not secrets:
        return Layers((settings, variables))
    told = Layers((settings, variables))
    layers = [settings, *_named_files(root, told)]
    if (root / SECRETS_FILE).exists():
        layers.append(_secrets(root / SECRETS_FILE))
    return Layers((*layers, variables))


def complaint(error: ValidationError, layers: Layers, model: type[BaseModel]) -> SettingsError:
    """pydantic's first complaint as one sentence with its place and remedy."""
    every = error.errors(include_url=False, include_input=False)
    # A misspelt name is also a missing one: what stands there says more than what does not.
    details = next((found for found in every if found["type"] == "extra_forbidden"), every[0])
    key = _key(details, layers.merged())
    own = details.get("ctx", {}).get("error")
    if isinstance(own, WrongValueError):
        key = own.key or key
        return SettingsError(_about(key, own.sentence), where=layers.where(key), remedy=own.remedy)
    sentence, remedy = _sentence(details, key, _model_at(model, key[:-1], layers.merged()))
    return SettingsError(sentence, where=layers.where(key), remedy=remedy)


def line_of(text: str, key: Key) -> int | None:
    """The line that a setting, or the table of that name, stands in; None where the way it is written hides it.

    Tables of a list, `[[routes]]`, are numbered from 1: their keys are ("routes", "1", ...).
    """
    table: Key = ()
    numbered: Counter[Key] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[?)\[([^\[\]]+)\]", line):
            table = _dotted(header[2])
            if header[1]:
                numbered[table] += 1
                table = (*table, str(numbered[table]))
            if table == key:
                return number
        elif (named := re.match(r"\s*([\w.\"'-]+)\s*=", line)) and table + _dotted(named[1]) == key:
            return number
    return line_of(text, key[:-1]) if len(key) > 1 else None


def _dotted(name: str) -> Key:
    """The parts of `limits."gmail.com"`: dots within quotes belong to a part."""
    return tuple("".join(part) for part in re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", name))


def _toml(path: Path) -> Layer:
    with _opened(path) as file:
        return _parsed(path.name, file.read())


def _secrets(path: Path) -> Layer:
    """`secrets.toml`, if nobody else can read it and nothing but secrets stands in it."""
    with _opened(path) as file:
        _refuse_if_others_read(file, path)
        layer = _parsed(path.name, file.read())
    for key in _keys(layer.data):
        if key[-1] not in SECRETS:
            raise SettingsError(
                f"{'.'.join(key)} is no secret: it has no place in {path.name}.",
                where=layer.where(key),
                remedy=f"Move it to {SETTINGS_FILE}, which every command reads.",
            )
    return layer


def _named_files(root: Path, told: Layers) -> list[Layer]:
    """The secrets that `password_file` and `api_key_file` name, as layers under `secrets.toml`."""
    layers = []
    for key in _keys(told.merged()):
        if key[-1] in SECRET_FILES and len(key) == 3:
            path = root / str(_value(told.merged(), key)).strip()
            secret = secret_in(path, told.where(key))
            layers.append(Layer(str(path), {key[0]: {key[1]: {SECRET_FILES[key[-1]]: secret}}}))
    return layers


def secret_in(path: Path, named: Where | None = None) -> str:
    """What a file that holds nothing but a secret says; SettingsError if others may read it. `named`: where it is named."""
    with _opened(path, named) as file:
        _refuse_if_others_read(file, path)
        return _text(path.name, file.read()).strip("\r\n")


def _environment(env: Mapping[str, str], *, secrets: bool) -> Layer:
    data: dict[str, Any] = {}
    for name, value in sorted(env.items()):
        if not name.startswith(PREFIX) or name in NO_SETTINGS:
            continue
        *tables, last = name.removeprefix(PREFIX).lower().split("__")
        if last in SECRETS and not secrets:
            continue
        place = data
        for table in tables:
            place = place.setdefault(table, {})
            if not isinstance(place, dict):
                raise SettingsError(
                    f"{name} and {name.rpartition('__')[0]} exclude each other.",
                    where=Where(file=f"environment variable {name}"),
                    remedy="Unset one of them.",
                )
        place[last] = value
    return Layer("", data)


def _opened(path: Path, where: Where | None = None) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise SettingsError(
            f"{path.name} cannot be read: {error.strerror}.", where=where or Where(file=str(path)), remedy=""
        ) from error


def _refuse_if_others_read(file: BinaryIO, path: Path) -> None:
    status = os.fstat(file.fileno())  # of the file that is read, whatever stands at the path by now
    if _given_by_systemd(status, path):
        return
    if status.st_uid != os.geteuid():
        raise SettingsError(
            f"{path.name} holds secrets and belongs to somebody else.",
            where=Where(file=str(path)),
            remedy=f"Make it yours: `sudo chown $USER {path.name}`.",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise SettingsError(
            f"{path.name} holds secrets, and others on this computer may open it.",
            where=Where(file=str(path)),
            remedy=f"Run `chmod 600 {path.name}`.",
        )


def _given_by_systemd(status: os.stat_result, path: Path) -> bool:
    """Whether it is one of the service's own credentials (LoadCredential=).

    They belong to root, and the service's user may read them by an ACL, whose mask stands where the group's mode does
    (0440); systemd shows their folder to nobody else.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder or path.resolve().parent != Path(folder).resolve():
        return False
    return status.st_uid in (0, os.geteuid()) and stat.S_IMODE(status.st_mode) & 0o337 == 0


def _parsed(name: str, raw: bytes) -> Layer:
    text = _text(name, raw)
    try:
        return Layer(name, tomllib.loads(text), text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        what = str(error)[: place.start()] if place else str(error)
        line = int(place[1]) if place and place[1] else len(text.splitlines())
        remedy = 'A setting is written `name = "value"`, a table `[name]`.'
        sentence = f"{name} cannot be read: {what[:1].lower()}{what[1:]}."
        raise SettingsError(sentence, where=Where(file=name, line=line), remedy=remedy) from None


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(
            f"{name} is not written in UTF-8.", where=Where(file=name), remedy="Save it as UTF-8 in your editor."
        ) from None


def _secret_in_the_open(layer: Layer, key: Key) -> SettingsError:
    return SettingsError(
        f"A secret stands in {layer.name}: {'.'.join(key)}.",
        where=layer.where(key),
        remedy=f"Move it to {SECRETS_FILE} (mode 600), under [{'.'.join(key[:-1])}], "
        f"or to {PREFIX}{'__'.join(key).upper()} in the environment; and change it if others have seen this file.",
    )


def _secret_keys(data: Mapping[str, Any]) -> list[Key]:
    return [key for key in _keys(data) if key[-1] in SECRETS]


def _keys(data: Mapping[str, Any], above: Key = ()) -> list[Key]:
    found: list[Key] = []
    for name, value in data.items():
        found += _keys(value, (*above, name)) if isinstance(value, dict) else [(*above, name)]
    return found


def _merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _merge(merged[name], value) if both else value
    return merged


def _has(data: Any, key: Key) -> bool:
    for name in key:
        tables = _numbered(data)
        if not isinstance(tables, dict) or name not in tables:
            return False
        data = tables[name]
    return True


def _value(data: Any, key: Key) -> Any:
    for name in key:
        data = _numbered(data)[name]
    return data


def _numbered(data: Any) -> Any:
    """A list of tables as a table of tables, numbered from 1."""
    if isinstance(data, list) and all(isinstance(one, dict) for one in data):
        return {str(number): one for number, one in enumerate(data, start=1)}
    return data


def _key(details: ErrorDetails, data: Any) -> Key:
    """pydantic's place without what it adds: the kind of a transport, numbers in lists that are none of tables."""
    key: list[str] = []
    for part in details["loc"]:
        last = part == details["loc"][-1]
        if isinstance(part, int):
            key += [str(part + 1)] if _has(data, (*key, str(part + 1))) else []
        elif last or _has(data, (*key, part)):
            key.append(part)
    return tuple(key)


def _about(key: Key, sentence: str) -> str:
    return f"{'.'.join(key)}: {sentence}" if key else sentence


def _sentence(details: ErrorDetails, key: Key, model: type[BaseModel] | None) -> tuple[str, str]:
    name = ".".join(key)
    match details["type"]:
        case "extra_forbidden":
            return f"There is no setting {name}.", _nearest(key[-1], _names_in(model))
        case "union_tag_not_found":
            return f"{name} does not say what it is.", 'Add kind = "smtp", "sendgrid" or "maildir".'
        case "union_tag_invalid":
            return f"{name} is of no known kind.", 'Choose kind = "smtp", "sendgrid" or "maildir".'
        case "model_type":
            return f"{name} is a table.", "Write its name in brackets on a line of its own, and its settings below."
        case "missing":
            return f"{'.'.join(key[:-1])} needs `{key[-1]}`.", _described(model, key[-1])
    said = details["msg"].removeprefix("Value error, ")
    return f"{name}: {said[:1].lower()}{said[1:].rstrip('.')}.", _described(model, key[-1] if key else "")


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."


def _names_in(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _described(model: type[BaseModel] | None, name: str) -> str:
    for known, field in model.model_fields.items() if model else ():
        if name == (field.alias or known):
            return field.description or ""
    return ""


def _model_at(model: type[BaseModel], table: Key, data: Any) -> type[BaseModel] | None:
    """The part of the settings that the table `table` is read into; a transport's by its kind."""
    if not table:
        return model
    annotation = model.model_fields[table[0]].annotation if table[0] in model.model_fields else None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = next((inner for inner in reversed(getattr(annotation, "__args__", ())) if inner is not ...), None)
    if len(table) == 2 and isinstance(inner, type) and issubclass(inner, BaseModel):
        return inner
    kind = _value(data, table).get("kind") if len(table) == 2 and _has(data, table) else None
    for transport in _transport_models(annotation):
        if getattr(transport.model_fields["kind"].annotation, "__args__", ()) == (kind,):
            return transport
    return None


def _transport_models(annotation: Any) -> list[type[BaseModel]]:
    """The kinds of `dict[str, Annotated[A | B, ...]]`."""
    for inner in getattr(annotation, "__args__", ())[1:]:
        union = getattr(inner, "__origin__", inner)
        return [kind for kind in getattr(union, "__args__", ()) if isinstance(kind, type)]
    return []
