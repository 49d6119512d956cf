"""What becomes of mail whose time passed while nobody was there to send it."""

from enum import StrEnum

from campaigns.errors import UsageError


class Late(StrEnum):
    """A campaign's policy. Mail is late when it could have left, and over `late_after` ago no worker was there."""

    SEND = "send"  # at once, if its windows are open
    NEXT_WINDOW = "next-window"  # when its windows open next; without any, at the same time of the next day
    ASK = "ask"  # the campaign is paused until a person resumes it
    EXPIRE = "expire"  # never

    @classmethod
    def read(cls, text: str) -> "Late":
        """The policy that a person typed; UsageError names all of them."""
        word = "-".join(text.lower().replace("_", "-").split())
        if word not in list(cls):
            raise UsageError(f"“{text}” is no way to treat late mail.", remedy=f"Choose one of {', '.join(cls)}.")
        return cls(word)
