"""Starting what is due; and what was due while no worker was there, treated as its campaign wants late mail treated.

A message is late if it could have left first (its own instant or the campaign's start, and then the next opening of its
windows) while no worker was there, over `late_after` ago. What waits behind throttles is not late, nor is the rest of a
campaign that had begun. The messages are settled before the campaign's state changes, so a crash leaves nothing half done.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import structlog

from campaigns.clock import Clock, from_micros, to_micros
from campaigns.model.late import Late, is_late, next_chance
from campaigns.model.routes import WaysOut
from campaigns.model.send_window import SendWindows
from campaigns.model.states import CampaignState, PauseReason
from campaigns.store import campaigns, history, lanes, late, underway
from campaigns.store.engine import Store
from campaigns.store.late import Group
from campaigns.store.underway import SendingCampaign
from campaigns.windows import of_campaign
from scheduler.routing import Routing

_SECOND = 1_000_000  # micros

log = structlog.get_logger()


class Starting:
    """`windows`: those of each transport, and of the workspace with them, by the transport's name."""

    def __init__(self, store: Store, windows: Mapping[str, SendWindows], routing: Routing, clock: Clock) -> None:
        self._store = store
        self._windows = windows
        self._routing = routing
        self._clock = clock

    def start_due(self) -> set[int]:
        """Scheduled campaigns whose instant has come send, or are paused because it came too long ago; which they are."""
        now = self._clock.micros()
        with self._store.read() as connection:
            due = underway.due_campaigns(connection, now)
        return {campaign.id for campaign in due if self._start(campaign, now)}

    def after_absence(self, since: int) -> None:
        """No worker was there from then (micros) until now: campaigns that send are paused if late mail is to be asked for."""
        now = self._clock.micros()
        with self._store.read() as connection:
            found = underway.sending_campaigns(connection)
        for campaign in found:
            begun = not (campaign.has_own_times or self._waits(campaign).windows_at_all)  # all could leave at its start
            if campaign.state is not CampaignState.SENDING or begun:
                continue
            if self._asks(campaign, max(since, campaign.queued_at), now):
                self._change(campaign, CampaignState.PAUSED, (CampaignState.SENDING,))

    def _start(self, campaign: SendingCampaign, now: int) -> bool:
        waited_since = min(campaign.queued_at, campaign.starts_at)
        in_time = now - campaign.starts_at <= campaign.late_after * _SECOND
        asks = not in_time and self._asks(campaign, waited_since, now)
        state = CampaignState.PAUSED if asks else CampaignState.SENDING
        return self._change(campaign, state, (CampaignState.SCHEDULED,))

    def _asks(self, campaign: SendingCampaign, absent_from: int, now: int) -> bool:
        """Treat what is late as the campaign's policy says; whether that is to ask a person."""
        before = now - campaign.late_after * _SECOND
        if absent_from >= before:
            return False
        with self._store.read() as connection:
            found = late.groups(connection, campaign.id, before=before, own_times=campaign.has_own_times)
            waits = self._waits(campaign, lanes.parts(connection), lanes.names(connection))
        missed = [
            group
            for group in found
            if is_late(
                waits.windows(group),
                waits.intended(group),
                absent_from=from_micros(absent_from),
                before=from_micros(before),
            )
        ]
        if not missed:
            return False
        log.warning(
            "mail.late",
            campaign=campaign.name,
            messages=sum(group.messages for group in missed),
            policy=str(campaign.late),
        )
        late.settle(
            self._store,
            campaign.id,
            missed,
            campaign.late,
            next_chance=lambda group: waits.next_chance(group, now),
            now=now,
        )
        return campaign.late is Late.ASK

    def _waits(
        self,
        campaign: SendingCampaign,
        parts: Mapping[int, tuple[int, str]] = MappingProxyType({}),
        names: Mapping[int, str] = MappingProxyType({}),
    ) -> "_Waits":
        return _Waits(campaign, self._routing.ways(campaign), self._windows, parts, names)

    def _change(self, campaign: SendingCampaign, to: CampaignState, allowed: tuple[CampaignState, ...]) -> bool:
        is_late = to is CampaignState.PAUSED
        with self._store.write() as connection:
            reason = PauseReason.LATE if is_late else ""
            changed = campaigns.change_state(connection, campaign.id, to, allowed=allowed, reason=reason)
            if changed:
                history.record(
                    connection,
                    at=self._clock.now(),
                    who="worker",
                    verb="pause" if is_late else "start",
                    thing="campaign",
                    thing_id=campaign.id,
                )
        if changed:
            log.info("campaign.late" if is_late else "campaign.started", campaign=campaign.name)
        return changed


class _Waits:
    """What the groups of a campaign's messages wait for, each on its way out; `parts` and `names` as `lanes` has them."""

    def __init__(
        self,
        campaign: SendingCampaign,
        ways: WaysOut,
        windows: Mapping[str, SendWindows],
        parts: Mapping[int, tuple[int, str]],
        names: Mapping[int, str],
    ) -> None:
        self._campaign = campaign
        self._ways = ways
        own = of_campaign(campaign.windows, campaign.holidays, campaign.zone)
        self._through = {
            home: SendWindows((*own, *windows.get(home, SendWindows()).windows)) for home in {ways.own, *ways.homes}
        }
        self._parts = parts
        self._names = names

    @property
    def windows_at_all(self) -> bool:
        return any(self._through.values())

    def windows(self, group: Group) -> SendWindows:
        home = self._ways.home(self._names.get(lanes.group_of(group.lane, self._parts), ""))
        return self._through[home].for_recipient(self._zone(group))

    def intended(self, group: Group) -> datetime:
        return from_micros(group.due_at or self._campaign.starts_at)

    def next_chance(self, group: Group, now: int) -> int | None:
        at = next_chance(self.windows(group), self.intended(group), self._zone(group), from_micros(now))
        return None if at is None else to_micros(at)

    def _zone(self, group: Group) -> str:
        return self._parts.get(lanes.plain(group.lane), (0, self._campaign.zone))[1]
