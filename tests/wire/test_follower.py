"""The reference subscriber's core: each event once, every gap seen, asked for and accounted for."""

from edge_agent import follower as core
from edge_agent.follower import Ask, Follower, Gap
from tests.wire.numbered import (
    AGENT,
    ALARM,
    EPOCH,
    HEALTH,
    RESULT,
    STATUS,
    TOPIC,
    S,
    asks,
    event,
    gap_event,
    health,
    hear,
    status,
    words,
)

# -- repeats -----------------------------------------------------------------------------------


def test_each_event_is_fresh_once() -> None:
    follower = Follower()
    assert hear(follower, 5, 6, 6, 7, 5) == [True, True, False, True, False]
    assert follower.repeats == 2


def test_an_old_event_that_a_replay_for_others_brings_is_fresh_once() -> None:
    follower = Follower()
    assert hear(follower, 50, 20, 20) == [True, True, False]
    assert follower.due(999 * S) == []


def test_the_same_number_of_another_epoch_or_agent_is_another_event() -> None:
    follower = Follower()
    assert follower.hear(TOPIC, event(5), 0)
    assert follower.hear(TOPIC, event(5, epoch="0" * 12), 0)
    assert follower.hear(TOPIC, event(5, agent="pi-b"), 0)


def test_what_has_no_number_is_always_to_be_used() -> None:
    follower = Follower()
    for _ in range(2):
        assert follower.hear(STATUS, status("online"), 0)
        assert follower.hear("anything", {"agent": AGENT, "epoch": EPOCH, "sequence": "x"}, 0)
        assert follower.hear("anything", [], 0)


# -- gaps --------------------------------------------------------------------------------------


def test_a_normal_event_betrays_the_loss_after_the_grace() -> None:
    follower = Follower()
    hear(follower, 1, 2, 6)
    assert follower.due(core.GRACE_NS - 1) == []
    assert follower.due(core.GRACE_NS) == [
        Gap("missing", AGENT, EPOCH, None, 3, 5),
        Ask(AGENT, EPOCH, None, 3, 5, 1),
    ]
    assert follower.open_gaps() == [Gap("missing", AGENT, EPOCH, None, 3, 5)]


def test_a_gap_closes_when_the_last_of_it_has_come_and_is_said_once() -> None:
    follower = Follower()
    hear(follower, 1, 6)
    assert words(follower.due(2 * S)) == [("missing", 2, 5)]
    assert hear(follower, 3, 5, 2, at_s=3) == [True, True, True]
    assert follower.due(3 * S) == []
    hear(follower, 4, at_s=3)
    assert words(follower.due(4 * S)) == [("arrived", 2, 5)]
    assert words(follower.due(999 * S)) == []
    assert follower.open_gaps() == []


def test_an_urgent_event_that_overtakes_makes_no_gap() -> None:
    follower = Follower()
    hear(follower, 1, 2)
    hear(follower, 9, lane="urgent")
    for number in range(3, 9):
        hear(follower, number, at_s=number * 10)
        assert follower.due(number * 10 * S + 9 * S) == []
    assert follower.due(9999 * S) == []


def test_what_an_urgent_event_left_out_and_nothing_settles_is_a_gap_in_the_end() -> None:
    follower = Follower()
    hear(follower, 1)
    hear(follower, 5, lane="urgent")
    assert follower.due(core.OVERTAKEN_NS - 1) == []
    assert words(follower.due(core.OVERTAKEN_NS)) == [("missing", 2, 4)]


def test_health_settles_what_an_urgent_event_left_out() -> None:
    follower = Follower()
    hear(follower, 1)
    hear(follower, 9, lane="urgent")
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 4, "topics": {}}}), 1 * S)
    assert words(follower.due(3 * S)) == [("missing", 2, 4)]


def test_health_betrays_the_loss_of_the_newest() -> None:
    follower = Follower()
    hear(follower, 1)
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 3}}), 1 * S)
    assert words(follower.due(3 * S)) == [("missing", 2, 3)]
    assert hear(follower, 2, 3, 4, 4) == [True, True, True, False]


def test_a_drain_behind_an_urgent_event_restarts_the_grace_but_a_hole_in_it_is_seen() -> None:
    follower = Follower()
    hear(follower, 1)
    hear(follower, 9, lane="urgent")
    hear(follower, 2, 4, 5, at_s=80)
    assert words(follower.due(82 * S)) == [("missing", 3, 3)]
    assert words(follower.due(150 * S)) == []  # 6 to 8 still flow as far as anyone knows


# -- where following begins --------------------------------------------------------------------


def test_a_late_joiner_begins_with_the_first_number_heard() -> None:
    follower = Follower()
    hear(follower, 4711, 4712)
    assert follower.due(999 * S) == []


def test_or_from_the_first_if_told() -> None:
    follower = Follower(from_first=True)
    hear(follower, 4)
    assert asks(follower.due(2 * S)) == [(1, 3)]


def test_an_urgent_event_heard_first_does_not_hide_what_it_overtook() -> None:
    follower = Follower()
    hear(follower, 105, lane="urgent")
    hear(follower, 100, 102)
    assert words(follower.due(2 * S)) == [("missing", 101, 101)]
    assert words(follower.due(100 * S)) == [("missing", 103, 104)]


def test_a_health_older_than_the_beginning_begins_nothing() -> None:
    follower = Follower()
    hear(follower, 100)
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 40}}), 0)
    assert follower.due(999 * S) == []
    assert hear(follower, 40, 41, 99, 41) == [True, True, True, False]


def test_health_heard_first_is_where_following_begins() -> None:
    follower = Follower()
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 40}}), 0)
    hear(follower, 42)
    assert words(follower.due(2 * S)) == [("missing", 41, 41)]


def test_a_new_journal_of_a_known_agent_is_followed_from_its_first_number() -> None:
    follower = Follower()
    hear(follower, 500)
    follower.hear(TOPIC, event(3, epoch="0" * 12), 0)
    assert asks(follower.due(2 * S)) == [(1, 2)]
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 500}, "1" * 12: {"sequence": 9}}), 3 * S)
    assert follower.due(9 * S)[-1].epoch != "1" * 12  # the first health tells of old ones too
    follower.hear(HEALTH, health(**{"2" * 12: {"sequence": 9}}), 10 * S)
    assert Gap("missing", AGENT, "2" * 12, None, 1, 9) in follower.due(20 * S)


def test_an_old_journal_is_not_asked_for_from_its_first_number() -> None:
    follower = Follower()
    hear(follower, 500)
    follower.hear(TOPIC, event(core.NEW_EPOCH_MAX, epoch="0" * 12), 0)
    assert follower.due(2 * S) == []


# -- explanations ------------------------------------------------------------------------------


def test_an_outbox_gap_in_time_prevents_the_gap() -> None:
    follower = Follower()
    hear(follower, 1, 3)
    follower.hear(ALARM, gap_event(4, 2, 2), 1 * S)
    assert follower.due(9 * S) == []


def test_an_outbox_gap_explains_a_gap() -> None:
    follower = Follower()
    hear(follower, 1, 5)
    follower.due(2 * S)
    follower.hear(ALARM, gap_event(6, 2, 3), 3 * S)
    assert words(follower.due(3 * S)) == []
    hear(follower, 4)
    assert follower.due(4 * S) == [Gap("explained", AGENT, EPOCH, None, 2, 4, "too_large")]


def test_an_outbox_gap_that_overtakes_what_it_explains() -> None:
    follower = Follower()
    hear(follower, 1)
    follower.hear(ALARM, gap_event(9, 3, 4), 0)
    assert hear(follower, 2, 5, 6, 7, 8, 10) == [True] * 6
    assert follower.due(999 * S) == []


def test_an_outbox_gap_of_numbers_to_come() -> None:
    follower = Follower()
    hear(follower, 1)
    follower.hear(ALARM, gap_event(2, 5, 6), 0)
    assert hear(follower, 3, 4, 7) == [True] * 3
    assert follower.due(999 * S) == []


def test_an_outbox_gap_of_an_epoch_not_heard_of_asks_for_nothing_old() -> None:
    follower = Follower()
    hear(follower, 1)
    gap = {"epoch": "0" * 12, "first": 50, "last": 60, "reason": "damaged"}
    follower.hear(ALARM, event(2, lane="urgent", type="outbox.gap", data=gap), 0)
    assert [follower.hear(TOPIC, event(n, epoch="0" * 12), 0) for n in (49, 61)] == [True, True]
    assert follower.due(999 * S) == []


def test_what_was_explained_and_comes_in_spite_of_it_is_used_once() -> None:
    follower = Follower()
    hear(follower, 1, 9)
    follower.due(2 * S)
    follower.hear(ALARM, gap_event(10, 2, 8), 0)
    assert words(follower.due(3 * S)) == [("explained", 2, 8)]
    assert hear(follower, 5, 5) == [True, False]
    assert follower.due(9999 * S) == []


def test_numbers_not_given_yet_are_not_explained_by_that() -> None:
    follower = Follower()
    hear(follower, 1)
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 3}}), 0)
    assert asks(follower.due(2 * S)) == [(2, 3)]
    missing = [{"first": 2, "last": 3, "reason": "unknown"}]
    replay = {"epoch": EPOCH, "topic": None, "missing": missing}
    follower.hear(RESULT, {"agent": AGENT, "replay": replay}, 3 * S)
    assert asks(follower.due(7 * S)) == [(2, 3)]
    assert hear(follower, 2, 3) == [True, True]


def test_a_result_says_what_the_agent_no_longer_has() -> None:
    follower = Follower()
    hear(follower, 1, 9)
    follower.due(2 * S)
    missing = [{"first": 2, "last": 4, "reason": "expired"}]
    replay = {"epoch": EPOCH, "topic": None, "first": 2, "last": 8, "sent": 4, "missing": missing}
    follower.hear(RESULT, {"agent": AGENT, "type": "cmd.replay", "replay": replay}, 3 * S)
    hear(follower, 5, 6, 7, 8, at_s=3)
    assert follower.due(4 * S) == [Gap("explained", AGENT, EPOCH, None, 2, 8, "expired")]


# -- asking ------------------------------------------------------------------------------------


def test_requests_come_with_growing_pauses_and_end() -> None:
    follower = Follower()
    hear(follower, 1, 3)
    told = []
    for second in range(3600):
        told += [(second, notice) for notice in follower.due(second * S)]
    asked = [(second, n.attempt) for second, n in told if isinstance(n, Ask)]
    assert asked == [(2, 1), (7, 2), (17, 3), (37, 4), (77, 5), (157, 6), (317, 7), (617, 8)]
    assert words([n for _, n in told]) == [("missing", 2, 2), ("given_up", 2, 2)]
    assert len(asked) == core.TRIES_MAX
    assert hear(follower, 2, 2) == [True, False]
    assert words(follower.due(9999 * S)) == [("arrived", 2, 2)]


def test_one_request_covers_near_gaps_and_the_next_follows_at_once() -> None:
    follower = Follower()
    far = core.ASK_SPAN_MAX + 100
    hear(follower, 1, 3, 5, far, far + 2)
    assert asks(follower.due(2 * S)) == [(2, 1 + core.ASK_SPAN_MAX)]
    hear(follower, 2, 4, *range(6, 2 + core.ASK_SPAN_MAX), at_s=3)
    assert asks(follower.due(3 * S)) == [(2 + core.ASK_SPAN_MAX, far + 1)]


def test_while_a_replay_is_coming_nobody_asks_again() -> None:
    follower = Follower()
    hear(follower, 1, 1000)
    assert asks(follower.due(2 * S)) == [(2, 999)]
    for second in range(3, 60):
        hear(follower, second, at_s=second)
        assert follower.due(second * S) == []
    assert follower.due(63 * S) == []
    assert asks(follower.due(64 * S)) == [(2, 999)]


def test_an_agent_that_is_offline_is_not_asked_until_it_is_back() -> None:
    follower = Follower()
    follower.hear(STATUS, status("online"), 0)
    hear(follower, 1, 3)
    follower.hear(STATUS, status("offline"), 0)
    assert follower.due(50 * S) == [Gap("missing", AGENT, EPOCH, None, 2, 2)]
    follower.hear(STATUS, status("online", connection=2), 60 * S)
    assert follower.due(61 * S) == []
    assert asks(follower.due(62 * S)) == [(2, 2)]


def test_a_late_will_does_not_mark_a_live_agent_dead() -> None:
    follower = Follower()
    follower.hear(STATUS, status("online", connection=1), 0)
    follower.hear(STATUS, status("online", connection=2), 0)
    follower.hear(STATUS, status("offline", connection=1), 0)
    hear(follower, 1, 3)
    assert asks(follower.due(2 * S)) == [(2, 2)]


# -- one topic only ----------------------------------------------------------------------------


def test_who_follows_one_topic_sees_gaps_by_streamseq() -> None:
    follower = Follower(by_topic=True)
    for sequence, streamseq in ((10, 1), (70, 2), (90, 4)):
        assert follower.hear(TOPIC, event(sequence, streamseq=streamseq), 0)
    assert not follower.hear(TOPIC, event(70, streamseq=2), 0)
    assert follower.due(2 * S) == [
        Gap("missing", AGENT, EPOCH, TOPIC, 3, 3),
        Ask(AGENT, EPOCH, TOPIC, 3, 3, 1),
    ]


def test_health_and_gaps_speak_of_topics_too() -> None:
    follower = Follower(by_topic=True)
    follower.hear(TOPIC, event(10, streamseq=1), 0)
    topics = {TOPIC: 5, "acme/p/a/l/A2/other": 7}
    follower.hear(HEALTH, health(**{EPOCH: {"sequence": 99, "topics": topics}}), 0)
    streams = [{"topic": TOPIC, "first": 2, "last": 3}]
    follower.hear(ALARM, gap_event(50, 20, 21, streams=streams) | {"streamseq": "000000000001"}, 0)
    assert asks(follower.due(2 * S)) == [(4, 5)]
    missing = [{"first": 4, "last": 5, "reason": "expired"}]
    replay = {"epoch": EPOCH, "topic": TOPIC, "missing": missing}
    follower.hear(RESULT, {"agent": AGENT, "replay": replay}, 3 * S)
    assert words(follower.due(3 * S)) == [("explained", 4, 5)]
