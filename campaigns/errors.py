"""Every error that a person may read.

    MergecastError
    ├── UsageError            called wrongly: an unknown name, an impossible option
    │   ├── WhenError         an instant that cannot be read, lies in the past or in a gap of the clock
    │   ├── ThrottleError     a throttle that cannot be read
    │   ├── WindowError       a send window that cannot be read, or windows that are never open together
    │   └── ConditionError    a condition that cannot be read, or does not fit the sheet
    ├── WorkspaceError        no workspace, or one that others may write to
    ├── SettingsError         mergecast.toml, secrets.toml or an environment variable is wrong
    ├── SpreadsheetError      a sheet that cannot be opened or has no addresses
    ├── TemplateError         a template that cannot be found, read, compiled or laid out
    ├── CampaignError         the campaign is in a state that does not allow this, or a Finding stops it
    └── StoreError            the database is newer, older, locked, damaged or out of space
        ├── WorkerRunningError    another worker holds this store
        └── CopiedError           the store may be a copy, whose original has sent what waits in it

An error says what is wrong (sentence), where (file, sheet, row, column, line) and what to do next (remedy).
What a server answers while mail is handed over is no error but an Outcome (`scheduler/transports/contract.py`).
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Where:
    """The place that a sentence speaks of; rows as the person's spreadsheet program numbers them."""

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        parts = [
            self.file,
            f"worksheet {self.sheet}" if self.sheet else None,
            f"row {self.row}" if self.row else None,
            f"line {self.line}" if self.line else None,
            f"column {self.column}" if self.column else None,
        ]
        return ", ".join(part for part in parts if part)


class MergecastError(Exception):
    """The root of what is said to people; `kind` is its name in JSON."""

    kind: ClassVar[str] = "error"
    source_line: str = ""  # the line that the mistake stands in, where a person wrote one

    def __init__(self, sentence: str, *, where: Where | None = None, remedy: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.where = where or Where()
        self.remedy = remedy

    def as_json(self) -> dict[str, Any]:
        """The error document of the command line."""
        return {
            "error": {
                "kind": self.kind,
                "sentence": self.sentence,
                "where": asdict(self.where),
                "remedy": self.remedy,
            }
        }


class UsageError(MergecastError):
    kind = "usage"


class WhenError(UsageError):
    kind = "when"


class ThrottleError(UsageError):
    kind = "throttle"


class WindowError(UsageError):
    kind = "window"


class ConditionError(UsageError):
    """A condition that cannot be used; `where` is the place in it, `source_line` its line."""

    kind = "condition"

    def __init__(self, sentence: str, *, where: Where | None = None, remedy: str = "", source_line: str = "") -> None:
        super().__init__(sentence, where=where, remedy=remedy)
        self.source_line = source_line


class WorkspaceError(MergecastError):
    kind = "workspace"


class SettingsError(MergecastError):
    kind = "settings"


class SpreadsheetError(MergecastError):
    kind = "spreadsheet"


class TemplateError(MergecastError):
    """A template that cannot be used; `source_line` is the line that the mistake stands in."""

    kind = "template"

    def __init__(self, sentence: str, *, where: Where | None = None, remedy: str = "", source_line: str = "") -> None:
        super().__init__(sentence, where=where, remedy=remedy)
        self.source_line = source_line


class CampaignError(MergecastError):
    kind = "campaign"


class StoreError(MergecastError):
    kind = "store"


class WorkerRunningError(StoreError):
    kind = "worker_running"


class CopiedError(StoreError):
    kind = "copied"
