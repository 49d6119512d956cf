"""Pictures of the workspace that travel with a mail."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from campaigns.message.shape import InlineImage

LARGEST = 10_000_000  # bytes of one picture; beyond it hosts refuse the mail


class NoImageError(Exception):
    """Why a path is no picture that can be sent; for a person, as the end of a sentence."""


@dataclass(frozen=True)
class ImageFolder:
    """Where templates find their pictures: beside themselves, in `templates/` or in `attachments/`."""

    workspace: Path
    folder: Path  # of the template
    _found: dict[str, InlineImage] = field(default_factory=dict, repr=False, compare=False)

    def image(self, path: str) -> InlineImage:
        """The picture that a relative path of a template means; each is read once."""
        if path not in self._found:
            self._found[path] = self._read(self._find(path), path)
        return self._found[path]

    def _find(self, path: str) -> Path:
        workspace = self.workspace.resolve()
        for written in (path, unquote(path), unquote(path).partition("?")[0]):
            for root in (self.folder, workspace / "templates", workspace / "attachments", workspace):
                try:
                    file = (root / written).resolve()
                    if not file.is_file():
                        continue
                except (OSError, ValueError, RuntimeError):  # a name too long, a loop of links
                    continue
                if not file.is_relative_to(workspace):
                    raise NoImageError("lies outside of the workspace")
                return file
        raise NoImageError("is not there")

    def _read(self, file: Path, path: str) -> InlineImage:
        try:
            if file.stat().st_size > LARGEST:
                raise NoImageError(f"is larger than {LARGEST // 1_000_000} MB")
            data = file.read_bytes()
        except OSError as broken:
            raise NoImageError(f"cannot be read ({broken.strerror})") from None
        mime_type = image_type(data)
        if mime_type is None:
            raise NoImageError("is no PNG, JPEG, GIF or WebP picture")
        cid = f"{hashlib.sha256(data).hexdigest()[:24]}@mergecast"
        return InlineImage(cid, file.name, mime_type, data)


def image_type(data: bytes) -> str | None:
    """The MIME type of a picture by its first bytes; None for anything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<svg")) and b"<svg" in data[:4000]:
        return "image/svg+xml"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
