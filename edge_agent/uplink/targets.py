"""The brokers by address: which comes next, what was wrong with it, which version it speaks.

Rules:
1. Addresses are in order of preference. Each failure tries the next one; after a connection that
   stood, the first comes first again. One that stands is never left for a better one.
2. A dial that hangs is waited for, and others are begun beside it: so a name server that is slow
   rather than mute still gets us through, and one that answers again, or a host that does, is
   found at once, not when the old question has timed out. The first that connects is used.
3. MQTT 5 first. A broker that refuses the version, hangs up before it answers or says nothing
   is asked again at once in 3.1.1, and what worked is remembered for an hour.
4. Who has never answered in MQTT 5 is given little time for it, for some brokers only fall
   silent. One that then is as slow in 3.1.1 is merely slow: MQTT 5 gets all the time it needs.
"""

from collections.abc import Callable
from typing import Final

from edge_agent.configuration import Address, Broker
from edge_agent.uplink.dial import Dial, Opening
from edge_agent.uplink.packets import Version
from edge_agent.uplink.session import UNSUPPORTED_VERSION, Cause, Ending
from edge_agent.uplink.troubles import Trouble

DIALS_MAX: Final = 8
"""Connect threads alive at once, shared evenly by the addresses; no attempt begins one more."""

DIAL_FORGET_NS: Final = 60_000_000_000
"""A connect thread that hangs longer is left behind: what it brings is closed."""

V5_AGAIN_NS: Final = 3_600_000_000_000
"""A broker that spoke 3.1.1 is asked for MQTT 5 again after this: it may have been upgraded."""

V5_PATIENCE_NS: Final = 1_000_000_000
"""How long a broker may take for its first answer in MQTT 5 before 3.1.1 is tried."""

Post = Callable[[Callable[[Dial], None], object], bool]


class Target:
    """What is known of one address."""

    __slots__ = ("_patient", "_v5_again_ns", "_version", "address", "dials", "trouble")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.dials: list[Dial] = []  # the latest is the last
        self.trouble: Trouble | None = None
        self._version = Version.V5
        self._v5_again_ns = 0
        self._patient = False

    def version(self, now_ns: int) -> Version:
        """Say which version to greet it in."""
        if self._version is Version.V311 and now_ns >= self._v5_again_ns:
            self._version = Version.V5
        return self._version

    def patience_ns(self, broker: Broker) -> int:
        """Say how long to wait for its CONNACK."""
        all_ns = int(broker.connack_timeout_s * 1_000_000_000)
        if self._version is Version.V311 or self._patient:
            return all_ns
        return min(all_ns, V5_PATIENCE_NS)

    def greeted(self, took_ns: int) -> None:
        """Learn from a CONNACK that let us in."""
        if self._version is Version.V5:
            self._patient = True
        elif took_ns >= V5_PATIENCE_NS:
            self._patient, self._v5_again_ns = True, 0

    def other_version(self, ending: Ending, now_ns: int) -> bool:
        """Learn from a greeting without a CONNACK; True: ask again at once in the other version."""
        silent = ending.cause is Cause.NO_CONNACK and not self._patient
        refused = ending.cause is Cause.REFUSED and ending.code == UNSUPPORTED_VERSION
        if not (silent or refused) and ending.cause not in (Cause.CLOSED, Cause.NONSENSE):
            return False
        if self._version is Version.V5:
            self._version, self._v5_again_ns = Version.V311, now_ns + V5_AGAIN_NS
            return True
        self._version = Version.V5
        return False


class Targets:
    """The addresses of the settings, and the dials to them; `done(dial)` comes by `post`."""

    def __init__(self, opening: Opening, post: Post, done: Callable[[Dial], None]) -> None:
        self._opening = opening
        self._post = post
        self._done = done
        self._all: list[Target] = []
        self._place = 0
        self._behind: list[Dial] = []
        self._heard: Dial | None = None

    @property
    def present(self) -> Target:
        """The target whose turn it is."""
        return self._all[self._place]

    def take(self, addresses: tuple[Address, ...]) -> None:
        """Use these addresses from now on; dials to others are left behind."""
        self.leave_behind()
        self._all = [Target(address) for address in addresses]
        self._place = 0

    def next(self) -> None:
        """Turn to the next one."""
        self._place = (self._place + 1) % len(self._all)

    def first(self) -> None:
        """Turn to the first one."""
        self._place = 0

    def forgive(self) -> None:
        """Forget all trouble: a connection stands."""
        for target in self._all:
            target.trouble = None

    def troubles(self) -> list[Trouble]:
        """List what is wrong, in order of preference."""
        return [target.trouble for target in self._all if target.trouble is not None]

    def dial(self, broker: Broker, now_ns: int) -> bool:
        """Dial the present target, unless too many dials hang; False when none is to this one."""
        target = self.present
        for old in [one for one in target.dials if now_ns - one.began_ns >= DIAL_FORGET_NS]:
            self._forget(target, old)
        self._behind = [hanging for hanging in self._behind if hanging.outcome is None]
        alive = len(self._behind) + sum(len(other.dials) for other in self._all)
        if alive >= DIALS_MAX or len(target.dials) >= max(DIALS_MAX // len(self._all), 1):
            return bool(target.dials)
        target.dials.append(
            Dial(target.address, broker, self._opening, self._post, self._done, now_ns)
        )
        return True

    def answered(self, finished: Dial) -> Target | None:
        """Find whose dial has ended, and turn to it if it brought a connection."""
        self._heard = finished
        for place, target in enumerate(self._all):
            if finished in target.dials:
                target.dials.remove(finished)
                if finished.connected:
                    self._place = place
                return target
        return None

    def leave_behind(self) -> None:
        """Forget all dials; what they bring will be closed, and none calls the reactor again."""
        for target in self._all:
            for hanging in list(target.dials):
                self._forget(target, hanging)
        if self._heard is not None:
            self._heard.end()

    def _forget(self, target: Target, hanging: Dial) -> None:
        target.dials.remove(hanging)
        hanging.discard()
        self._behind.append(hanging)
