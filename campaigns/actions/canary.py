"""Setting a canary apart, before a campaign is queued: every n-th of its people, so that all kinds are among them."""

from campaigns.actions.check import CheckResult
from campaigns.actions.desk import Desk
from campaigns.errors import CampaignError
from campaigns.model.canary import Canary
from campaigns.store import canaries, staging
from campaigns.store.campaigns import Campaign

_AT_ONCE = 5_000  # messages of one transaction: 15 ms


def refuse_all(canary: Canary | None, checked: CheckResult) -> None:
    """CampaignError if the canary would be everybody."""
    if canary is not None and canary.of(checked.ready) >= checked.ready:
        raise CampaignError(
            f"{canary.text} of {checked.campaign} are all of its mails, {checked.ready:,}: none would be held back.",
            remedy="Take a smaller part, or send it without `--canary`.",
        )


def set_apart(desk: Desk, campaign: Campaign, canary: Canary | None) -> int:
    """Let a part of the staged messages leave first; how many. What an earlier try set apart goes with the others again."""
    while True:
        with desk.store.write() as conn:
            if canaries.unmark(conn, campaign.id, limit=_AT_ONCE) < _AT_ONCE:
                break
    if canary is None:
        return 0
    with desk.store.read() as conn:
        mails = staging.count_messages(conn, campaign.id)
        ids = canaries.evenly(conn, campaign.id, canary.of(mails), mails)
    for begin in range(0, len(ids), _AT_ONCE):
        with desk.store.write() as conn:
            canaries.mark(conn, ids[begin : begin + _AT_ONCE])
    return len(ids)
