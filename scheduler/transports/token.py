"""An access token (RFC 6749 1.4) that another program keeps fresh: in a file, or told by a command."""

import asyncio
import os
import shlex
from pathlib import Path

from campaigns.errors import SettingsError
from campaigns.settings_file import PREFIX, secret_in

_KEPT = 300.0  # seconds for which a command's answer is used again; tokens live for about an hour
_PATIENCE = 30.0  # seconds for a command
_LONGEST = 16_384  # characters


class TokenError(Exception):
    """There is no token; the text says why and what to do."""


class Token:
    """Where a transport's token comes from: `file`, or `command`, which is run without a shell."""

    def __init__(self, *, file: Path | None = None, command: str = "") -> None:
        self._file = file
        self._command = command
        self._told = ""
        self._until = 0.0
        self._asking = asyncio.Lock()
        self.is_fresh = False  # whether the last one was read or asked for just then

    async def text(self, *, fresh: bool = False) -> str:
        """The token; `fresh` asks once more for one that was kept. Raises TokenError."""
        if self._file is not None:
            self.is_fresh = True
            return _checked(self._read(self._file), self._file.name)
        async with self._asking:  # many connections log in at once
            now = asyncio.get_running_loop().time()
            self.is_fresh = fresh or now >= self._until
            if self.is_fresh:
                self._told = _checked(await self._ask(), "token_command")
                self._until = now + _KEPT
            return self._told

    @staticmethod
    def _read(file: Path) -> str:
        try:
            return secret_in(file)
        except SettingsError as error:
            raise TokenError(f"{error.sentence} {error.remedy}".strip()) from None

    async def _ask(self) -> str:
        program, *arguments = shlex.split(self._command)
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
            )
        except OSError as error:
            raise TokenError(f"token_command cannot be run: {program}: {error.strerror}.") from None
        try:
            async with asyncio.timeout(_PATIENCE):
                told, complaint = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise TokenError(f"token_command gave no answer within {_PATIENCE:.0f} s.") from None
        if process.returncode:
            words = " ".join(complaint.decode("utf-8", "replace").split())[-200:]
            raise TokenError(f"token_command ended with status {process.returncode}: {words or 'it said nothing'}.")
        return told.decode("utf-8", "replace").strip()


def _checked(token: str, source: str) -> str:
    if not token:
        raise TokenError(f"{source} gave no token.")
    if len(token) > _LONGEST or not token.isascii() or not token.isprintable() or " " in token:
        raise TokenError(f"{source} gave what is no token: it has blanks, several lines or letters outside ASCII.")
    return token
