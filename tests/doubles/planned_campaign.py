"""A campaign over five zones and two domain groups, with throttles and a window, in a store; and the same as settings."""

from types import SimpleNamespace
from typing import cast

from sqlalchemy import select, update

from campaigns.actions.desk import Desk
from campaigns.actions.outlook import Plan, plan_of
from campaigns.clock import Clock, to_micros
from campaigns.settings import Settings
from campaigns.store import campaigns, lanes, tables
from campaigns.store.engine import Store
from campaigns.workspace import Workspace
from scheduler.transports.contract import Transport
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign

ZONES = ("Europe/Lisbon", "Europe/Berlin", "Europe/Athens", "Europe/Istanbul", "Asia/Dubai")
WINDOW = "mon-fri 09:00-10:40 recipient"
GROUP = "gmail.com"


def settings_of(throttle: str, of_group: str, warm_up: str = "") -> Settings:
    relay = {"kind": "smtp", "host": "smtp.example.com", "throttle": [throttle], "warm_up": warm_up}
    return Settings.model_validate({"transports": {"relay": relay}, "limits": {GROUP: {"throttle": [of_group]}}})


def way_of(settings: Settings, transport: Transport) -> Way:
    name = transport.name
    windows = settings.windows_of(name, leaves=transport.leaves)
    return Way(transport, settings.transports[name].throttle, windows, settings.warm_up_of(name))


def desk_for(store: Store, settings: Settings, clock: Clock) -> Desk:
    assert store.path is not None
    workspace = SimpleNamespace(root=store.path.parent, settings=settings)
    return Desk(cast("Workspace", workspace), store, "ada", clock)


def add_over_zones(
    store: Store, name: str, people: int, *, clock: Clock, windows: str = WINDOW, zones: tuple[str, ...] = ZONES
) -> int:
    """A fifth of the people in each zone; of each fifth, the last quarter is with GROUP."""
    now = to_micros(clock.now())
    campaign = add_campaign(store, name, people, transport="relay", now=now, windows=windows)
    with store.write() as conn:
        group = lanes.number(conn, GROUP)
        mine = tables.messages.c.campaign_id == campaign
        first = conn.scalar(select(tables.messages.c.id).where(mine).order_by(tables.messages.c.id).limit(1))
        assert first is not None
        fifth = people // len(zones)
        for place, zone in enumerate(zones):
            for number, begin, end in ((0, 0, fifth * 3 // 4), (group, fifth * 3 // 4, fifth)):
                some = tables.messages.c.id.between(first + place * fifth + begin, first + place * fifth + end - 1)
                conn.execute(update(tables.messages).where(some).values(lane=lanes.part(conn, number, zone)))
    return campaign


def planned(store: Store, settings: Settings, campaign: int, clock: Clock) -> Plan:
    with store.read() as conn:
        return plan_of(desk_for(store, settings, clock), conn, campaigns.needed(conn, campaign))


def left(store: Store, campaign: int) -> tuple[int, int, int]:
    """Of the mails that left: how many, and when the first and the last did (micros)."""
    leased = tables.messages.c.leased_at
    mine = select(leased).where(tables.messages.c.campaign_id == campaign, leased.is_not(None)).order_by(leased)
    with store.read() as conn:
        found = list(conn.scalars(mine))
    return len(found), found[0], found[-1]
