"""The floor: every call and every segment of one agent, together.

Rules:
1. A call that may stop holds its segment from its pull to its clearing; so does a faulty input of a
   station that may stop. A bypass takes that away, for a time, and nothing else: pulls still light.
2. What comes while the segment stands, or is about to start, stops with it at once: the line is at
   its fixed position.
3. The stop is decided by moments of capture: a fixed position stops for what was pulled before it.
4. Nothing here starts a line, closes a call or releases a stop by itself, a boot included.
Every act returns what is to be told, in order. Moments are monotonic (`_ns`), of capture.
"""

from dataclasses import dataclass

from edge_agent.domain import segment as seg
from edge_agent.domain.call import REFUSED, Call, Category, Trigger
from edge_agent.domain.posts import Key, Posts, Rule
from edge_agent.domain.segment import Segment, Stop
from edge_agent.domain.told import BYPASS_ENDED, BYPASSED, ENDED, RAISED, STARTED, Told

__all__ = ["Floor", "Key", "Rule"]


@dataclass(slots=True)
class Floor(Posts):
    """What happens on the floor: every act, and what it comes to."""

    # -- people --------------------------------------------------------------------------------

    def pull(
        self, station: str, category: str, call_id: str, at_ns: int, device: str | None = None
    ) -> list[Told]:
        """Take a pull; `call_id` names the call that it may begin."""
        post = self.post(station, category)
        said = post.pull(call_id, at_ns)
        if said.call is not None and said.says == RAISED:
            said.call.device = device
        told = [self._told(said.says, (station, category), said.call, device=device)]
        return [one for one in told if one.says] + self.follow((station, category), at_ns)

    def do(
        self,
        trigger: Trigger,
        station: str,
        at_ns: int,
        *,
        category: str | None = None,
        call: str | None = None,
        actor: str | None = None,
    ) -> list[Told]:
        """Take, acknowledge, confirm or clear the open calls of a station that fit.

        An answer is to what was there when it was given: a call that came later goes on.
        Refused, which changes nothing and is told, where there is no such call.
        """
        fitting = [
            (name, one)
            for name, one in self.open_calls(station)
            if category in (None, name) and call in (None, one.id) and one.raised_ns <= at_ns
        ]
        told: list[Told] = []
        for name, one in fitting:
            if trigger is Trigger.WANT and not self.may_stop((station, name)):
                why = f"{trigger}: {name} stops nothing here"
                told.append(self._told(REFUSED, (station, name), one, actor, why=why))
                continue
            said = self.post(station, name).take(
                self._confirmed(trigger, (station, name)), at_ns, actor=actor
            )
            if said.says == REFUSED and len(fitting) > 1:
                continue  # an answer to all concerns those that it can concern
            if said.says:
                told.append(self._told(said.says, (station, name), said.call, actor, why=trigger))
            told += self.follow((station, name), at_ns)
            if trigger is Trigger.CONFIRM and self.category(station, name).stop_now:
                told += self.fixed(self.homes.get(station, ""), at_ns, here=True)
        if not fitting:
            why = f"{trigger}: no such call is open here"
            told.append(Told(REFUSED, station, category or "", actor=actor, why=why))
        return told

    def _confirmed(self, trigger: Trigger, key: Key) -> Trigger:
        """Take who confirms the stop of a call that stops nothing as somebody who is there."""
        return Trigger.ACK if trigger is Trigger.CONFIRM and not self.may_stop(key) else trigger

    def repeat(self, station: str, category: str, at_ns: int) -> list[Told]:
        """Take a pull that can mean nothing but that the call goes on."""
        said = self.post(station, category).take(Trigger.REPEAT, at_ns)
        return [self._told(said.says, (station, category), said.call)]

    def give_reason(
        self,
        station: str,
        reason: str,
        actor: str | None,
        *,
        category: str | None = None,
        call: str | None = None,
    ) -> list[Told]:
        """Close the call of a station that waits longest for its reason; nothing where none is.

        `category` and `call` say which one is meant, where somebody has said so.
        """
        waiting = [
            (one.cleared_ns or 0, key, one)
            for key, post in self.posts_at((station,))
            for one in post.closing
            if category in (None, key[1]) and call in (None, one.id)
        ]
        if not waiting:
            return []
        _, key, found = min(waiting, key=lambda one: one[0])
        said = self.posts[key].close(found.id, reason)
        return [self._told(said.says, key, said.call, actor)]

    def start(self, segment: str, at_ns: int, *, moves: bool = False) -> list[Told]:
        """Take the hand at the start, or the line that is seen to move."""
        trigger = seg.Trigger.MOVES if moves else seg.Trigger.START
        told = self._take(segment, trigger, at_ns)
        if any(one.says == ENDED for one in told):
            for _, post in self.posts_at(self.stations_of(segment)):
                if post.open is not None and post.open.stopped_ns is not None:
                    post.take(Trigger.STARTED, at_ns)
        return told

    def flow(self, segment: str, trigger: seg.Trigger, at_ns: int) -> list[Told]:
        """Take starved, blocked, flowing, changeover or first good part."""
        return self._take(segment, trigger, at_ns)

    # -- inputs --------------------------------------------------------------------------------

    def fault(
        self, station: str, category: str, fault: str, at_ns: int, told_id: str
    ) -> list[Told]:
        """Trust an input no more; `told_id` is the id of the event that will say so."""
        post = self.post(station, category)
        post.healthy = False
        if post.faulty:
            return []
        said = post.take(Trigger.FAULT, at_ns)
        post.fault, post.fault_id, post.fault_since_ns = fault, told_id, at_ns
        key = (station, category)
        return [self._told(said.says, key, said.call, why=fault), *self.follow(key, at_ns)]

    def healed(self, station: str, category: str) -> None:
        """Take note that a faulty input works again; it is trusted once somebody resets it."""
        self.post(station, category).healthy = True

    def reset_fault(
        self, station: str, at_ns: int, *, category: str | None = None, actor: str | None = None
    ) -> list[Told]:
        """Trust the inputs of a station again that are well; one that is not is refused."""
        told: list[Told] = []
        for key, post in self.posts_at((station,)):
            if not post.faulty or category not in (None, key[1]):
                continue
            if not post.healthy:
                why = f"the fault is still there: {post.fault}"
                told.append(self._told(REFUSED, key, post.open, actor, why=why))
                continue
            said = post.take(Trigger.HEAL, at_ns)
            told.append(self._told(said.says, key, said.call, actor, why=post.fault))
            told += self.follow(key, at_ns)
            post.fault = post.fault_id = ""
        return told

    def fixed(self, segment: str, at_ns: int, *, here: bool = False) -> list[Told]:
        """Take the fixed position: it stops for what was pulled before it and is not cleared.

        `here`: it is to stop where it is, and nothing can have come too late for that.
        """
        rule, one = self.rules.get(segment), self.segments.get(segment)
        if rule is None or one is None or one.state is not seg.State.PENDING:
            return []
        latest_ns = at_ns if here else at_ns - rule.window_ns
        if min(one.holding.values(), default=at_ns + 1) > latest_ns:
            return []
        told = self._take(segment, seg.Trigger.FIXED, at_ns)
        return self._stop_calls(segment, at_ns) + told

    def seen(self, segment: str, at_ns: int) -> list[Told]:
        """Take note that the inputs of a segment were read after a boot."""
        one = self.segments[segment]
        if one.state is not seg.State.UNKNOWN:
            return []
        return self._take(segment, seg.Trigger.HELD if one.holding else seg.Trigger.SEEN, at_ns)

    def follow(self, key: Key, at_ns: int) -> list[Told]:
        """Tell the segment of a post who holds it now; for whoever has changed a post himself."""
        home = self.homes.get(key[0], "")
        one = self.segments.get(home)
        if one is None:
            return []
        before, now = self._held.get(key, {}), self._holds(key)
        self._held[key] = now
        told: list[Told] = []
        for name in before.keys() - now.keys():
            told += self._asked(home, one, one.let_go(name, at_ns))
        standing = self.stands(home)
        for name in now.keys() - before.keys():
            told += self._asked(home, one, one.hold(name, now[name], at_ns))
        if now.keys() - before.keys():
            if standing:
                told += self._stop_calls(home, at_ns)
            elif self.rules[home].at_once:
                told += self.fixed(home, at_ns, here=True)
        return told

    def stand(self, segment: str, at_ns: int) -> list[Told]:
        """Have a segment that stands, nobody knows by whom, be started by a hand."""
        if self.stands(segment):
            return []
        self._take(segment, seg.Trigger.HELD, at_ns)
        told = self._take(segment, seg.Trigger.FIXED, at_ns)
        if not self.segments[segment].holding:
            self.set_free(segment, at_ns)
        return told

    def set_free(self, segment: str, at_ns: int) -> None:
        """Let a segment that nobody holds any more be announced and started."""
        self._take(segment, seg.Trigger.FREE, at_ns)

    # -- bypass and training -------------------------------------------------------------------

    def bypass(
        self, key: Key, until_ns: int | None, at_ns: int, actor: str | None, why: str = ""
    ) -> list[Told]:
        """Let the calls of a post stop nothing until then; None ends it."""
        if until_ns is None:
            if self.bypasses.pop(key, None) is None:
                return []
        else:
            self.bypasses[key] = until_ns
        says = BYPASS_ENDED if until_ns is None else BYPASSED
        self.post(*key)
        told = self._told(says, key, None, actor)._replace(until_ns=until_ns, why=why)
        return [told, *self.follow(key, at_ns)]

    def replan(
        self,
        homes: dict[str, str],
        rules: dict[str, Rule],
        categories: dict[Key, Category],
        at_ns: int,
    ) -> list[Told]:
        """Take other rules while calls are open; who holds what is looked at anew.

        What was open at a station, or in a segment, that is ours no more is told, and forgotten.
        """
        told = self._leave({station for station in self.homes if station not in homes})
        for key, held in self._held.items():
            if (one := self.segments.get(self.homes.get(key[0], ""))) is not None:
                one.holding = {name: ns for name, ns in one.holding.items() if name not in held}
        self._held.clear()
        self.homes, self.rules, self.categories = homes, rules, categories
        self.posts = {key: post for key, post in self.posts.items() if key[0] in homes}
        self.segments = {name: one for name, one in self.segments.items() if name in rules}
        self.bypasses = {key: ns for key, ns in self.bypasses.items() if key[0] in homes}
        self.training = {one for one in self.training if one in homes or one in rules}
        self.__post_init__()
        for key, post in self.posts.items():
            post.category = self.category(*key)
            told += self.follow(key, at_ns)
        for name, one in self.segments.items():
            if not one.holding:
                told += self._take(name, seg.Trigger.FREE, at_ns)
        return told

    def _leave(self, stations: set[str]) -> list[Told]:
        """End what waits at stations that are ours no more: reasons, and bypasses."""
        told: list[Told] = []
        for key, post in self.posts_at(stations):
            waived = [post.close(call.id, None) for call in [*post.closing]]
            told += [self._told(said.says, key, said.call) for said in waived]
        for key in [*self.bypasses]:
            if key[0] in stations:
                told += self.bypass(key, None, 0, None)
        return told

    # -- time ----------------------------------------------------------------------------------

    def due_ns(self) -> int | None:
        """Say when something is due by itself; None when nothing is."""
        moments = [due for post in self.posts.values() if (due := post.due_ns()) is not None]
        return min([*moments, *self.bypasses.values()], default=None)

    def rest(self, at_ns: int, *, working: bool) -> None:
        """Take note whether it is working time: some ladders wait outside of it."""
        self.rests_ns = None if working else at_ns
        for post in self.posts.values():
            if working:
                post.work(at_ns)
            else:
                post.rest(at_ns)

    def ring(self, now_ns: int) -> list[Told]:
        """Do what is due: levels, graces that are over, bypasses that end."""
        told: list[Told] = []
        for key, post in self.posts.items():
            told += [
                self._told(said.says, key, said.call)._replace(level=said.level)
                for said in post.ring(now_ns)
            ]
        for key, until_ns in [*self.bypasses.items()]:
            if until_ns <= now_ns:
                told += self.bypass(key, None, now_ns, None)
        return told

    # -- inside --------------------------------------------------------------------------------

    def _told(
        self,
        says: str,
        key: Key,
        call: Call | None,
        actor: str | None = None,
        *,
        device: str | None = None,
        why: str = "",
    ) -> Told:
        level = 0 if call is None else call.level
        home = self.homes.get(key[0], "")
        device = device or (None if call is None else call.device)
        return Told(says, *key, home, call, self.posts.get(key), None, level, actor, device, why)

    def _holds(self, key: Key) -> dict[str, int]:
        """Say by what a post holds its segment: id -> since when."""
        if not self.may_stop(key):
            return {}
        post = self.posts[key]
        held = {} if post.open is None else {post.open.id: post.open.raised_ns}
        if post.faulty:
            held[post.fault_id] = post.fault_since_ns
        return held

    def _stop_calls(self, segment: str, at_ns: int) -> list[Told]:
        """Stop every open call of a line that stands now, also one that came a moment later."""
        told: list[Told] = []
        for key, post in self.posts_at(self.stations_of(segment)):
            if post.open is None or not self.may_stop(key):
                continue
            said = post.take(Trigger.FIXED, max(at_ns, post.open.raised_ns))
            if said.says:
                told.append(self._told(said.says, key, said.call))
        return told

    def _take(self, segment: str, trigger: seg.Trigger, at_ns: int) -> list[Told]:
        one = self.segments.get(segment)
        return [] if one is None else self._asked(segment, one, one.take(trigger, at_ns))

    def _asked(self, name: str, one: Segment, asks: str) -> list[Told]:
        if asks == seg.STOP and one.stop is not None:
            self._charge(one.stop)
            return [Told(STARTED, segment=name, stop=one.stop)]
        if (stop := one.ended()) is not None:
            return [Told(ENDED, segment=name, stop=stop)]
        return []

    def _charge(self, stop: Stop) -> None:
        for key in self.posts:
            if stop.primary in self._held.get(key, {}):
                stop.station, stop.category = key
                return
