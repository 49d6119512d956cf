"""The worker on virtual time, with a real SQLite store and a transport that answers as told."""

import asyncio
import bisect
import itertools
import json
import os
import shutil
from typing import Any

import pytest
from sqlalchemy import insert, update

from campaigns.clock import to_micros
from campaigns.errors import StoreError
from campaigns.model.states import CampaignState, MessageState
from campaigns.model.throttle import Throttle
from campaigns.store import tables
from campaigns.store.campaigns import change_state
from scheduler.ledger import Ledger
from scheduler.line import Line
from scheduler.transports.contract import Blame, Outcome, Verdict
from scheduler.transports.contract import Stage as At
from scheduler.worker import Way
from tests.doubles.filled_store import add_campaign, address_of
from tests.doubles.scripted_transport import ACCEPTED, ScriptedTransport
from tests.doubles.virtual_time import START, VirtualClock, until, virtually

START_MICROS = to_micros(START)
SECOND = 1_000_000


def test_everybody_gets_one_mail_and_the_campaign_is_finished(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 300, now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert sorted(transport.addresses) == sorted(address_of(campaign, i) for i in range(300))

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 300}
    assert stage.campaign(campaign).state == CampaignState.FINISHED


def test_the_date_of_a_mail_is_the_stored_instant_of_its_lease(stage: Any) -> None:
    add_campaign(stage.store, "fair", 20, now=START_MICROS)
    got: dict[int, int] = {}

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        got.update({message.id: to_micros(message.leased_at) for _, message in transport.got})

    virtually(play)
    assert got == {row.id: row.leased_at for row in stage.rows(tables.messages)}


def test_a_commit_that_stalls_lets_nothing_go_at_once(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    add_campaign(stage.store, "fair", 200, throttles="30/s", now=START_MICROS)
    real = Ledger._aside

    async def play(clock: VirtualClock) -> None:
        async def slow(ledger: Ledger, batch: Any) -> Any:
            if 1 < clock.monotonic() < 1.1:
                await asyncio.sleep(3)
            return await real(ledger, batch)

        monkeypatch.setattr(Ledger, "_aside", slow)
        transport = ScriptedTransport(clock, connections=64)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        begun = sorted(to_micros(instant) for instant, _ in transport.got)
        assert len(begun) == 200
        assert max(after - before for before, after in itertools.pairwise(begun)) > 2 * SECOND
        leased = sorted(row.leased_at for row in stage.rows(tables.messages))
        for instants in (begun, leased):
            assert max(bisect.bisect_left(instants, at + SECOND) - n for n, at in enumerate(instants)) <= 30

    virtually(play)


def test_several_throttles_hold_at_once_and_a_restart_grants_nothing(stage: Any) -> None:
    add_campaign(stage.store, "fair", 90, throttles="30/min", now=START_MICROS)
    begun: list[int] = []

    async def play(clock: VirtualClock) -> None:
        for _ in range(4):
            transport = ScriptedTransport(clock)
            async with stage.running(clock, Way(transport, [Throttle.parse("5/s"), Throttle.parse("40/h")])):
                await asyncio.sleep(25)
            begun.extend(to_micros(instant) for instant, _ in transport.got)

    virtually(play)
    assert len(begun) == 40
    assert max(bisect.bisect_left(begun, b + 60 * SECOND) - n for n, b in enumerate(begun)) <= 30


def test_a_clock_set_back_grants_nothing(stage: Any) -> None:
    add_campaign(stage.store, "fair", 30, throttles="10/min burst 10", now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(5)
            clock.jump(-3600)
            await asyncio.sleep(30)
            assert len(transport.got) == 10
            clock.jump(+7200)
            await asyncio.sleep(20)
            assert len(transport.got) == 10
            await asyncio.sleep(20)
            assert len(transport.got) == 20

    virtually(play)


def test_a_campaign_starts_at_its_instant(stage: Any) -> None:
    add_campaign(
        stage.store, "fair", 5, state=CampaignState.SCHEDULED, starts_at=START_MICROS + 90_300_000, now=START_MICROS
    )

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        late = [(instant - START).total_seconds() - 90.3 for instant, _ in transport.got]
        assert len(late) == 5
        assert all(0 <= seconds < 0.5 for seconds in late)

    virtually(play)


def test_a_campaign_that_comes_too_late_is_paused_and_sends_nothing(stage: Any) -> None:
    campaign = add_campaign(
        stage.store, "fair", 5, state=CampaignState.SCHEDULED, starts_at=START_MICROS - 3601 * SECOND, now=START_MICROS
    )

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert not transport.got

    virtually(play)
    assert (stage.campaign(campaign).state, stage.campaign(campaign).reason) == ("paused", "late")


def test_pause_is_felt_within_a_second_and_resume_goes_on(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 400, throttles="40/s", now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(2)
            _change(stage, campaign, CampaignState.PAUSED)
            await asyncio.sleep(1)
            standing = len(transport.got)
            await asyncio.sleep(5)
            assert len(transport.got) == standing < 400
            _change(stage, campaign, CampaignState.SENDING)
            await until(lambda: len(transport.got) == 400, within=30)

    virtually(play)
    assert len(stage.rows(tables.messages)) == 400


def test_a_person_suppressed_while_it_sends_gets_nothing(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 100, throttles="10/s", now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(1)
            _suppress(stage, address_id=campaign * 1_000_000 + 90)
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=60)
        assert address_of(campaign, 90) not in transport.addresses
        assert len(transport.got) == 99

    virtually(play)
    assert stage.states(campaign)[MessageState.SUPPRESSED] == 1


def test_a_suppressed_domain_gets_nothing_and_others_do(stage: Any) -> None:
    gone = add_campaign(stage.store, "gone", 10, domain="example.net", now=START_MICROS)
    here = add_campaign(stage.store, "here", 10, now=START_MICROS)
    domain_id = next(row.id for row in stage.rows(tables.domains) if row.name == "example.net")
    _suppress(stage, domain_id=domain_id)

    async def play(clock: VirtualClock) -> None:
        await stage.worker(clock, Way(ScriptedTransport(clock))).run(until_idle=True)

    virtually(play)
    assert stage.states(gone) == {MessageState.SUPPRESSED: 10}
    assert stage.states(here) == {MessageState.ACCEPTED: 10}


def test_a_deferral_is_tried_again_and_remembered(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 1, now=START_MICROS)
    answers = iter([_deferred("busy"), _deferred("still busy"), ACCEPTED])

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda message: next(answers))
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        waited = (transport.got[0][0] - START).total_seconds()
        assert (1 + 5) * 60 * 0.8 <= waited <= (1 + 5) * 60 * 1.2 + 2

    virtually(play)
    assert [(row.n, row.outcome, row.text) for row in stage.rows(tables.attempts)] == [
        (1, "deferred", "busy"),
        (2, "deferred", "still busy"),
    ]
    message = stage.rows(tables.messages)[0]
    assert (message.state, message.attempts) == (MessageState.ACCEPTED, 3)
    assert stage.campaign(campaign).state == CampaignState.FINISHED


def test_a_message_deferred_for_too_long_expires(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 1, give_up_after=1500, now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda message: _deferred("busy"))
        async with stage.running(clock, Way(transport)):
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=3000, every=5)
        assert (clock.now() - START).total_seconds() < 1500

    virtually(play)
    assert stage.states(campaign) == {MessageState.EXPIRED: 1}


def test_refused_without_a_wait_it_still_pauses_and_stops(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 20, now=START_MICROS)
    ours = Outcome(Verdict.RETURNED, At.AUTH, Blame.US, text="A password is never sent in clear.")

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=2, on_prepare=lambda _envelope: ours)
        async with stage.running(clock, Way(transport)):
            await until(lambda: stage.campaign(campaign).state == CampaignState.PAUSED)

    virtually(play)
    assert "never sent in clear" in stage.campaign(campaign).reason


def test_a_rejected_recipient_is_settled_with_the_servers_words(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 3, now=START_MICROS)
    bad = address_of(campaign, 1)
    no = Outcome(Verdict.REJECTED, At.RCPT, Blame.RECIPIENT, code="550", enhanced="5.1.1", text="no such user")

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_prepare=lambda envelope: no if envelope.rcpt_to == bad else None)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert bad not in transport.addresses

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 2, MessageState.REJECTED: 1}
    assert [(row.code, row.text) for row in stage.rows(tables.attempts)] == [("550 5.1.1", "no such user")]


def test_an_outage_burns_no_attempts_and_ends_by_itself(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 20, now=START_MICROS)
    down = Outcome(Verdict.RETURNED, At.CONNECT, Blame.OUTAGE, text="Connection refused.")

    async def play(clock: VirtualClock) -> None:
        until_up = START.timestamp() + 300
        transport = ScriptedTransport(
            clock, on_prepare=lambda envelope: down if clock.now().timestamp() < until_up else None
        )
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(20)
            doing = stage.rows(tables.workers)[0].doing
            assert "Connection refused" in doing
            await until(lambda: stage.campaign(campaign).state == CampaignState.FINISHED, within=400)

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 20}
    assert not stage.rows(tables.attempts)
    assert {row.attempts for row in stage.rows(tables.messages)} == {1}


def test_a_wrong_password_pauses_at_once_with_the_servers_words_and_others_go_on(stage: Any) -> None:
    wrong = add_campaign(stage.store, "wrong", 20, transport="relay", now=START_MICROS)
    right = add_campaign(stage.store, "right", 20, now=START_MICROS)
    no = Outcome(Verdict.RETURNED, At.AUTH, Blame.US, code="535", enhanced="5.7.8", text="bad credentials", pauses=True)

    async def play(clock: VirtualClock) -> None:
        relay = ScriptedTransport(clock, name="relay", on_prepare=lambda envelope: no)
        await stage.worker(clock, Way(relay), Way(ScriptedTransport(clock))).run(until_idle=True)

    virtually(play)
    assert (stage.campaign(wrong).state, stage.campaign(wrong).reason) == (
        "paused",
        "key: 535 5.7.8 bad credentials",
    )
    assert stage.states(wrong) == {MessageState.QUEUED: 20}
    assert {row.attempts for row in stage.rows(tables.messages) if row.campaign_id == wrong} == {0}
    assert stage.campaign(right).state == CampaignState.FINISHED


def test_ten_refusals_about_us_in_a_row_pause_the_campaign(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 200, now=START_MICROS)
    no = Outcome(Verdict.RETURNED, At.BODY, Blame.US, code="554", enhanced="5.7.1", text="policy")

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=1, on_hand_over=lambda message: no)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert len(transport.batches) == 10

    virtually(play)
    assert stage.campaign(campaign).reason == "errors: 554 5.7.1 policy"
    assert stage.states(campaign) == {MessageState.QUEUED: 200}


def test_no_answer_makes_a_message_uncertain_and_it_is_never_sent_again(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 10, now=START_MICROS)
    lost = Outcome(Verdict.UNCERTAIN, At.BODY, Blame.OUTAGE, text="The server closed the connection.")
    unlucky = address_of(campaign, 4)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, on_hand_over=lambda m: lost if m.to == unlucky else ACCEPTED)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert transport.addresses.count(unlucky) == 1

    virtually(play)
    assert stage.states(campaign) == {MessageState.ACCEPTED: 9, MessageState.UNCERTAIN: 1}
    assert stage.campaign(campaign).state == CampaignState.FINISHED


@pytest.mark.parametrize(("leaves", "state"), [(True, MessageState.UNCERTAIN), (False, MessageState.ACCEPTED)])
def test_what_a_dead_worker_left_leased_is_uncertain_but_for_rehearsals(
    stage: Any, leaves: bool, state: MessageState
) -> None:
    campaign = add_campaign(stage.store, "fair", 3, leaves=leaves, now=START_MICROS)
    with stage.store.write() as connection:
        one = update(tables.messages).where(tables.messages.c.id == 2).values(state=MessageState.LEASED, worker_id=1)
        connection.execute(one)

    async def play(clock: VirtualClock) -> None:
        await stage.worker(clock, Way(ScriptedTransport(clock, leaves=leaves))).run(until_idle=True)

    virtually(play)
    message = next(row for row in stage.rows(tables.messages) if row.id == 2)
    assert message.state == state
    assert stage.campaign(campaign).state == CampaignState.FINISHED


def test_one_request_carries_people_of_one_campaign_and_one_shape(stage: Any) -> None:
    add_campaign(stage.store, "one", 250, now=START_MICROS)
    add_campaign(stage.store, "two", 250, now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, batch=100)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert all(len({m.shape_id for m in messages}) == 1 for messages in transport.batches)
        assert sorted(map(len, transport.batches)) == [50, 50, 100, 100, 100, 100]

    virtually(play)
    assert len(stage.rows(tables.handovers)) == 6
    assert sum(row.rows for row in stage.rows(tables.handovers)) == 500


def test_a_throttled_request_never_carries_more_than_a_unit(stage: Any) -> None:
    add_campaign(stage.store, "fair", 100, throttles="20/s", now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, batch=1000)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert [len(messages) for messages in transport.batches] == [20] * 5
        begun = sorted(to_micros(instant) for instant, _ in transport.got)
        assert max(bisect.bisect_left(begun, b + SECOND) - n for n, b in enumerate(begun)) <= 20

    virtually(play)


def test_a_proof_goes_first_even_from_a_draft(stage: Any) -> None:
    add_campaign(stage.store, "large", 500, throttles="10/s", now=START_MICROS)
    draft = add_campaign(stage.store, "draft", 2, state=CampaignState.DRAFT, now=START_MICROS)
    with stage.store.write() as connection:
        connection.execute(update(tables.messages).where(tables.messages.c.id == 502).values(wave=0))

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, connections=1)
        async with stage.running(clock, Way(transport)):
            await until(lambda: len(transport.got) >= 3, within=10)
        assert transport.addresses[0] == address_of(draft, 1)

    virtually(play)
    assert stage.states(draft) == {MessageState.ACCEPTED: 1, MessageState.QUEUED: 1}


def test_stopping_leases_nothing_more_and_settles_what_is_on_the_wire(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 100, now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, delay=20.0)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(30)
        assert (clock.now() - START).total_seconds() < 61

    virtually(play)
    states = stage.states(campaign)
    assert MessageState.LEASED not in states
    assert states[MessageState.ACCEPTED] == 4
    assert stage.rows(tables.workers)[0].stopped_at is not None


def test_replies_are_waited_for_thirty_seconds_and_no_longer(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 100, now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, delay=0)
        transport.delay = 100.0
        stopped_at = 0.0
        transport.on_prepare = lambda envelope: None
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(150)
            stopped_at = clock.monotonic()
        assert 29 <= clock.monotonic() - stopped_at <= 31

    virtually(play)
    assert stage.states(campaign)[MessageState.LEASED] == 4


def test_a_store_that_refuses_to_the_end_is_waited_for_thirty_seconds(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = add_campaign(stage.store, "fair", 100, now=START_MICROS)

    def refused(self: Ledger, batch: Any) -> Any:
        raise StoreError("The disk is full: nothing was changed.")

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        worker = stage.worker(clock, Way(transport))
        running = asyncio.create_task(worker.run())
        await until(lambda: len(transport.got) >= 20, within=10)
        monkeypatch.setattr(Ledger, "_commit", refused)
        await asyncio.sleep(5)
        stopped_at = clock.monotonic()
        worker.stop()
        with pytest.raises(StoreError, match="could not be written down"):
            await running
        assert 29 <= clock.monotonic() - stopped_at <= 33
        monkeypatch.undo()
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert len(set(transport.addresses)) == len(transport.got) == 100

    virtually(play)
    states = stage.states(campaign)
    assert states[MessageState.UNCERTAIN] <= 4
    assert states[MessageState.ACCEPTED] == 100 - states[MessageState.UNCERTAIN]


@pytest.mark.parametrize("place", [(Ledger, "_commit"), (Line, "turn")])
def test_a_mistake_of_ours_ends_the_worker_instead_of_letting_it_stand_still(
    stage: Any, monkeypatch: pytest.MonkeyPatch, place: tuple[type, str]
) -> None:
    add_campaign(stage.store, "fair", 100, now=START_MICROS)

    def mistaken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    async def play(clock: VirtualClock) -> None:
        monkeypatch.setattr(*place, mistaken)
        with pytest.raises((ZeroDivisionError, ExceptionGroup)):
            await stage.worker(clock, Way(ScriptedTransport(clock))).run()
        assert clock.monotonic() < 60

    virtually(play)
    assert stage.rows(tables.workers)[0].stopped_at is not None


def test_nothing_is_leased_while_the_disk_is_nearly_full(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = add_campaign(stage.store, "fair", 500, throttles="10/s", now=START_MICROS)
    real = shutil.disk_usage(os.curdir)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock)
        async with stage.running(clock, Way(transport)):
            await asyncio.sleep(3)
            monkeypatch.setattr(shutil, "disk_usage", lambda path: real._replace(free=50 * 2**20))
            await asyncio.sleep(3)
            standing = len(transport.got)
            await asyncio.sleep(20)
            assert len(transport.got) == standing
            assert "50 MB" in stage.rows(tables.workers)[0].doing
            monkeypatch.setattr(shutil, "disk_usage", lambda path: real)
            await until(lambda: len(transport.got) > standing, within=10)

    virtually(play)
    assert stage.campaign(campaign).state == CampaignState.SENDING


def test_a_campaign_without_its_transport_is_paused_with_the_reason(stage: Any) -> None:
    campaign = add_campaign(stage.store, "fair", 5, transport="gone", now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        await stage.worker(clock, Way(ScriptedTransport(clock))).run(until_idle=True)

    virtually(play)
    assert stage.campaign(campaign).reason == "errors: There is no transport “gone” in the settings."


@pytest.mark.parametrize(("leaves", "was", "now"), [(True, "real", "a rehearsal"), (False, "a rehearsal", "real")])
def test_what_was_queued_as_real_never_ends_as_a_rehearsal_nor_the_other_way_round(
    stage: Any, leaves: bool, was: str, now: str
) -> None:
    campaign = add_campaign(stage.store, "fair", 5, leaves=leaves, now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        transport = ScriptedTransport(clock, leaves=not leaves)
        await stage.worker(clock, Way(transport)).run(until_idle=True)
        assert transport.got == []

    virtually(play)
    assert stage.states(campaign) == {MessageState.QUEUED: 5}
    told = stage.campaign(campaign)
    assert (told.state, told.reason) == (
        CampaignState.PAUSED,
        f"errors: It was queued as {was}, and “local” is {now} in the settings now.",
    )


def test_the_status_row_tells_rates_and_what_a_campaign_waits_for(stage: Any) -> None:
    add_campaign(stage.store, "fair", 100, throttles="30/min\n5/h", now=START_MICROS)

    async def play(clock: VirtualClock) -> None:
        async with stage.running(clock, Way(ScriptedTransport(clock))):
            await asyncio.sleep(30)
        doing = json.loads(stage.rows(tables.workers)[0].doing)
        waiting = doing["campaigns"]["fair"]["waiting"]
        assert waiting["for"] == "5/h"
        assert waiting["until"] == pytest.approx(START_MICROS + 3600 * SECOND, abs=30 * SECOND)

    virtually(play)


def _change(stage: Any, campaign_id: int, to: CampaignState) -> None:
    with stage.store.write() as connection:
        assert change_state(connection, campaign_id, to, allowed=set(CampaignState), reason="")


def _suppress(stage: Any, **whom: int) -> None:
    with stage.store.write() as connection:
        connection.execute(insert(tables.suppressions).values(reason="manual", at=0, who="test", **whom))


def _deferred(text: str) -> Outcome:
    return Outcome(Verdict.DEFERRED, At.BODY, Blame.RECIPIENT, code="451", enhanced="4.7.1", text=text)
