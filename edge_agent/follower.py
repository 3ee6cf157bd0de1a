"""The core of a subscriber: each event once, every gap seen, asked for and accounted for.

Copy this file: it needs Python's standard library and nothing else of the agent. Feed it what
your MQTT client receives; it keeps no event, only which numbers have been heard.

    follower = Follower()
    ...on every message:
        if follower.hear(topic, json.loads(payload), time.monotonic_ns()):
            use(payload)                      # the first time that this event is heard
    ...once a second:
        for notice in follower.due(time.monotonic_ns()):
            ...                               # a Gap: tell somebody; an Ask: publish cmd.replay

Rules:
1. The id of an event is its epoch and number, so a number heard twice is a repeat.
2. Who subscribes to everything follows `sequence`, counted per agent and epoch; who subscribes to
   some topics only follows `streamseq`, counted per agent, epoch and topic (`by_topic=True`).
3. An urgent event may overtake normal ones, so the numbers it leaves out are only late. A normal
   event overtakes nothing: what it leaves out was sent before it, and is lost if it does not
   come within the grace. `last_seq` of the agent's health says as much.
4. What is lost is asked for, with growing pauses and a limit of tries, never from an agent that
   says it is offline. It ends as `arrived`, as `explained` (the agent says why it will never
   come) or as `given_up`, and each is said once.
5. The first number heard of an agent is where following begins, unless `from_first` is wanted.
"""

from bisect import bisect_left
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, Final, NamedTuple

GRACE_NS: Final = 2_000_000_000
"""How long what is certainly missing may still come by itself before it is called a gap."""

OVERTAKEN_NS: Final = 90_000_000_000
"""The same for what an urgent event left out; longer than the minute from health to health."""

ASK_AGAIN_NS: Final = 5_000_000_000
"""Pause after a request that brings nothing; it doubles with each further one."""

ASK_AGAIN_MAX_NS: Final = 300_000_000_000
"""The longest pause between two requests."""

TRIES_MAX: Final = 8
"""Requests in a row that brought nothing; then the gap is given up (it may still arrive)."""

ASK_SPAN_MAX: Final = 10_000
"""Numbers asked for at once; the next ones are asked for when these have come."""

STREAMS_MAX: Final = 4096
"""Numberings followed, and agents known, at once; beyond it the oldest one is forgotten."""

HOLES_MAX: Final = 1024
"""Holes kept per numbering; beyond it the oldest goes, and its numbers count as heard."""

NEW_EPOCH_MAX: Final = 1000
"""A new epoch of a known agent is followed from 1 if its first number heard is below this."""

_DIGITS_MAX: Final = 18


class Gap(NamedTuple):
    """News of a stretch of numbers, both ends included; without `topic` they are of `sequence`.

    `word` is `missing` (not come within the grace), `arrived`, `explained` (`reason` says why
    they will never come) or `given_up`.
    """

    word: str
    agent: str
    epoch: str
    topic: str | None
    first: int
    last: int
    reason: str = ""


class Ask(NamedTuple):
    """A request to publish: `cmd.replay` to the agent. Fields as in `Gap`; `attempt` from 1."""

    agent: str
    epoch: str
    topic: str | None
    first: int
    last: int
    attempt: int


class Follower:
    """Follows any number of agents; `hear` every message, then `due` about once a second.

    `now_ns` is any clock that only goes forward. Nothing here blocks, and no payload, however
    wrong, makes it raise.
    """

    def __init__(self, *, by_topic: bool = False, from_first: bool = False) -> None:
        self._by_topic = by_topic
        self._from_first = from_first
        self._streams: dict[_Key, _Stream] = {}
        self._agents: dict[str, _Agent] = {}
        self.repeats = 0

    def hear(self, topic: str, payload: object, now_ns: int) -> bool:
        """Say whether this is to be used; False for a repeat of an event heard before.

        `payload` is the parsed JSON. What carries no number (states, health, results, messages of
        others) is always to be used; what it says about gaps is taken note of.
        """
        if not isinstance(payload, dict) or not isinstance(payload.get("agent"), str):
            return True
        agent, epoch = payload["agent"], payload.get("epoch")
        number = _number(payload.get("streamseq" if self._by_topic else "sequence"))
        if number is None or not isinstance(epoch, str):
            self._take_note(topic, agent, payload, now_ns)
            return True
        key = _Key(agent, epoch, topic if self._by_topic else None)
        stream = self._streams.get(key)
        if stream is None:
            known = any(k.agent == agent and k.topic == key.topic for k in self._streams)
            stream = self._begin(key, number, now_ns, new=known)
        stream.heard_ns = now_ns
        if not stream.take(number, payload.get("lane") != "urgent", now_ns):
            self.repeats += 1
            return False
        gap = payload.get("data") if payload.get("type") == "outbox.gap" else None
        if isinstance(gap, dict):
            self._hear_gap(agent, gap, now_ns)
        return True

    def due(self, now_ns: int) -> list[Gap | Ask]:
        """Give what has become known of gaps since the last call, and what to ask for now."""
        notices: list[Gap | Ask] = []
        for stream in self._streams.values():
            if stream.holes:
                stream.call(now_ns)
                agent = self._agents.get(stream.key.agent)
                if agent is None or agent.online:
                    stream.ask(now_ns)
            notices += stream.notices
            stream.notices.clear()
        return notices

    def open_gaps(self) -> list[Gap]:
        """List what is missing at this moment and has been called so."""
        return [
            Gap("missing", *stream.key, hole.first, hole.last)
            for stream in self._streams.values()
            for hole in stream.holes
            if hole.gap is not None
        ]

    def _begin(self, key: "_Key", first: int, now_ns: int, *, new: bool) -> "_Stream":
        if len(self._streams) >= STREAMS_MAX:
            del self._streams[min(self._streams, key=lambda k: self._streams[k].heard_ns)]
        wanted = self._from_first or (new and first < NEW_EPOCH_MAX)
        stream = self._streams[key] = _Stream(key, first - 1, now_ns, wanted=wanted)
        return stream

    def _take_note(self, topic: str, agent: str, payload: dict[str, Any], now_ns: int) -> None:
        if topic.endswith("/status"):
            self._hear_status(agent, payload, now_ns)
        elif topic.endswith("/health"):
            self._hear_health(agent, payload.get("last_seq"), now_ns)
        elif topic.endswith("/cmd/replay/result"):
            self._hear_result(agent, payload.get("replay"), now_ns)

    def _agent(self, agent: str) -> "_Agent":
        if agent not in self._agents and len(self._agents) >= STREAMS_MAX:
            del self._agents[next(iter(self._agents))]
        return self._agents.setdefault(agent, _Agent())

    def _hear_status(self, agent: str, payload: dict[str, Any], now_ns: int) -> None:
        known, run = self._agent(agent), (payload.get("boot"), payload.get("connection"))
        if payload.get("state") == "online":
            for stream in self._streams.values() if known.run not in (run, None) else ():
                if stream.key.agent == agent:  # it is back, and sends first what has waited
                    stream.try_anew(now_ns + GRACE_NS)
            known.run, known.online = run, True
        elif known.run in (run, None):  # else a late will, which speaks of another connection
            known.run, known.online = run, False

    def _hear_health(self, agent: str, last_seq: object, now_ns: int) -> None:
        known = self._agent(agent)
        for epoch, said in last_seq.items() if isinstance(last_seq, dict) else ():
            numbers = said if isinstance(said, dict) else {}
            uptos = numbers.get("topics") if self._by_topic else {None: numbers.get("sequence")}
            for topic, upto in uptos.items() if isinstance(uptos, dict) else ():
                key, number = _Key(agent, epoch, topic), _number(upto)
                stream = self._streams.get(key)
                if number is not None and stream is None and topic is None:
                    # following begins with the number after the last
                    stream = self._begin(key, number + 1, now_ns, new=known.told_health)
                if number is not None and stream is not None:
                    stream.sent_upto(number, now_ns)
        known.told_health = True

    def _hear_result(self, agent: str, replay: object, now_ns: int) -> None:
        if isinstance(replay, dict):
            topic = replay.get("topic")
            key = _Key(agent, str(replay.get("epoch")), None if topic is None else str(topic))
            if key in self._streams:
                for first, last, reason in _stretches(replay.get("missing")):
                    if reason != "unknown":  # a number not given yet may still be
                        self._streams[key].explain(first, last, reason, now_ns)

    def _hear_gap(self, agent: str, gap: dict[str, Any], now_ns: int) -> None:
        epoch, reason = str(gap.get("epoch")), str(gap.get("reason"))
        streams = gap.get("streams") if self._by_topic else [gap]
        for said in streams if isinstance(streams, list) else ():
            for first, last, _ in _stretches([said]):
                key = _Key(agent, epoch, str(said.get("topic")) if self._by_topic else None)
                stream = self._streams.get(key)
                if stream is None and not self._by_topic:
                    stream = self._begin(key, first, now_ns, new=False)
                if stream is not None:
                    stream.explain(first, last, reason, now_ns)


class _Key(NamedTuple):
    agent: str
    epoch: str
    topic: str | None


class _Agent:
    def __init__(self) -> None:
        self.run: tuple[object, object] | None = None
        self.online = True
        self.told_health = False


class _Called:  # a hole that was called a gap, and how much of it is left
    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self.left = last - first + 1
        self.reason = ""


class _Hole(NamedTuple):
    """Numbers not heard yet; `wanted` is False for those before the beginning and given up ones."""

    first: int
    last: int
    quiet_ns: int
    gap: _Called | None
    wanted: bool


_last_of = attrgetter("last")


class _Stream:
    """One numbering: everything up to `top` was heard, but for the holes."""

    def __init__(self, key: _Key, top: int, now_ns: int, *, wanted: bool) -> None:
        self.key = key
        self.heard_ns = now_ns
        self.holes = [_Hole(1, top, now_ns, None, wanted)] if top > 0 else []
        self.notices: list[Gap | Ask] = []
        self._top = top
        self._sure = 0  # everything up to here was sent, so what is missing was lost
        self._begun = wanted  # False: the first one heard may have overtaken the beginning
        self._attempt = 0
        self._asked = (0, 0)
        self._asked_ns = 0
        self._ask_at_ns = 0
        self._came_ns = 0

    def take(self, number: int, normal: bool, now_ns: int) -> bool:
        if normal and not self._begun:  # what the first one heard has overtaken begins here
            self._begun = True
            self._split(number, now_ns, begins=True)
        if normal:
            self._sure = max(self._sure, number)
        if number > self._top:
            self._extend(number, number, now_ns)
            return True
        return self._carve(number, number, "", now_ns)

    def explain(self, first: int, last: int, reason: str, now_ns: int) -> None:
        if last > self._top:
            self._extend(last + 1, last, now_ns)
        self._carve(first, last, reason or "no reason given", now_ns)

    def sent_upto(self, number: int, now_ns: int) -> None:
        """Take the agent's word that everything up to `number` was sent."""
        if number > self._top:
            self._extend(number + 1, number, now_ns)
        self._split(number, now_ns, begins=False)  # the rest may still be on its way
        self._sure = max(self._sure, number)

    def try_anew(self, at_ns: int) -> None:
        self._attempt, self._asked, self._ask_at_ns = 0, (0, 0), at_ns

    def _split(self, number: int, now_ns: int, *, begins: bool) -> None:
        at = bisect_left(self.holes, number, key=_last_of)
        hole = self.holes[at] if at < len(self.holes) else None
        if hole is not None and hole.first <= number < hole.last:
            wanted = begins or hole.wanted
            rest = hole._replace(first=number + 1, quiet_ns=now_ns, wanted=wanted)
            self.holes[at : at + 1] = [hole._replace(last=number), rest]

    def _extend(self, first: int, last: int, now_ns: int) -> None:
        if first > self._top + 1:
            self.holes.append(_Hole(self._top + 1, first - 1, now_ns, None, wanted=True))
            self._forget_oldest()
        self._top = last

    def _carve(self, first: int, last: int, reason: str, now_ns: int) -> bool:
        """Take numbers out of the holes, or want them no more; False if they were in none."""
        at = start = bisect_left(self.holes, first, key=_last_of)
        left: list[_Hole] = []
        while at < len(self.holes) and self.holes[at].first <= last:
            hole = self.holes[at]
            if hole.first < first:
                left.append(hole._replace(last=first - 1, quiet_ns=now_ns))
            low, high = max(hole.first, first), min(hole.last, last)
            if reason:  # should it come in spite of that, it is no repeat
                left.append(_Hole(low, high, now_ns, None, wanted=False))
            if hole.last > last:
                left.append(hole._replace(first=last + 1, quiet_ns=now_ns))
            gap = hole.gap
            if gap is not None:
                self._came_ns = now_ns
                gap.left -= high - low + 1
                gap.reason = reason or gap.reason
                if gap.left == 0:
                    word = "explained" if gap.reason else "arrived"
                    self._say(word, gap.first, gap.last, gap.reason)
            at += 1
        self.holes[start:at] = left
        self._forget_oldest()
        return at > start

    def _forget_oldest(self) -> None:
        while len(self.holes) > HOLES_MAX:
            at = next((at for at, hole in enumerate(self.holes) if not hole.wanted), 0)
            self._give_up(at, "too many gaps")
            del self.holes[at]

    def call(self, now_ns: int) -> None:
        for at, hole in enumerate(self.holes):
            if hole.wanted and hole.gap is None:
                grace_ns = GRACE_NS if hole.last <= self._sure else OVERTAKEN_NS
                if now_ns - hole.quiet_ns >= grace_ns:
                    self.holes[at] = hole._replace(gap=_Called(hole.first, hole.last))
                    self._say("missing", hole.first, hole.last)

    def ask(self, now_ns: int) -> None:
        if self._asked[0] and not any(self._gaps(*self._asked)):
            self.try_anew(now_ns)  # all of it has come: on to the next
        elif self._came_ns > self._asked_ns:
            self._attempt, self._ask_at_ns = 0, self._came_ns + ASK_AGAIN_NS  # it is coming
        elif self._attempt >= TRIES_MAX and now_ns >= self._ask_at_ns:
            for at, _ in self._gaps(*self._asked):
                self._give_up(at, f"asked for {TRIES_MAX} times")
            self._attempt = 0
        first = next((at for at, _ in self._gaps(1, self._top)), None)
        if first is None or now_ns < self._ask_at_ns:
            return
        begin = self.holes[first].first
        end = min(self._top, begin + ASK_SPAN_MAX - 1)
        end = max(min(hole.last, end) for _, hole in self._gaps(begin, end))
        pause_ns = min(ASK_AGAIN_NS << self._attempt, ASK_AGAIN_MAX_NS)
        self._attempt += 1
        self._asked, self._asked_ns, self._ask_at_ns = (begin, end), now_ns, now_ns + pause_ns
        self.notices.append(Ask(*self.key, begin, end, self._attempt))

    def _gaps(self, first: int, last: int) -> Iterator[tuple[int, _Hole]]:
        for at in range(bisect_left(self.holes, first, key=_last_of), len(self.holes)):
            hole = self.holes[at]
            if hole.first > last:
                return
            if hole.wanted and hole.gap is not None:
                yield at, hole

    def _give_up(self, at: int, reason: str) -> None:
        hole = self.holes[at]
        if hole.wanted:
            self.holes[at] = hole._replace(wanted=False)
            self._say("given_up", hole.first, hole.last, reason)

    def _say(self, word: str, first: int, last: int, reason: str = "") -> None:
        self.notices.append(Gap(word, *self.key, first, last, reason))


def _number(said: object) -> int | None:
    """Read a number as events carry it (digits) or as results do; None for anything else."""
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) <= _DIGITS_MAX:
        said = int(said)
    return said if type(said) is int and said > 0 else None


def _stretches(said: object) -> Iterator[tuple[int, int, str]]:
    for stretch in said if isinstance(said, list) else ():
        if isinstance(stretch, dict):
            first, last = _number(stretch.get("first")), _number(stretch.get("last"))
            if first is not None and last is not None and first <= last:
                yield first, last, str(stretch.get("reason", ""))
