"""What a request asks of SendGrid besides carrying mails; everything is said, so that no account's own setting decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Options:
    """`[transports.NAME]` with kind "sendgrid"."""

    sandbox: bool = False  # the requests are checked, and nobody gets anything
    categories: tuple[str, ...] = ()
    asm_group: int | None = None  # SendGrid's unsubscribe group
    ip_pool: str = ""
    track_clicks: bool = False
    track_opens: bool = False
    analytics: Mapping[str, str] = field(default_factory=dict)  # {"source": "newsletter"}: utm_source, ...

    @property
    def owns_unsubscribe(self) -> bool:
        """With a group SendGrid writes List-Unsubscribe itself, and a mail may have one only."""
        return self.asm_group is not None

    def document(self) -> dict[str, Any]:
        """The part of a mail/send document."""
        mail: dict[str, Any] = {"footer": {"enable": False}}
        if self.sandbox:
            mail["sandbox_mode"] = {"enable": True}
        utm = {f"utm_{name}": value for name, value in self.analytics.items()}
        document: dict[str, Any] = {
            "mail_settings": mail,
            "tracking_settings": {
                "click_tracking": {"enable": self.track_clicks, "enable_text": False},
                "open_tracking": {"enable": self.track_opens},
                "subscription_tracking": {"enable": False},
                "ganalytics": {"enable": bool(utm), **utm},
            },
        }
        if self.categories:
            document["categories"] = list(self.categories)
        if self.asm_group is not None:
            document["asm"] = {"group_id": self.asm_group}
        if self.ip_pool:
            document["ip_pool_name"] = self.ip_pool
        return document
