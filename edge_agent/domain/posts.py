"""What there is on the floor: stations, segments, the posts where calls are, and their rules.

A post is a station and a category. Nothing here happens: see `floor`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from edge_agent.domain import segment as seg
from edge_agent.domain.call import SAFETY, SAFETY_LEVELS, Call, Category, Post
from edge_agent.domain.segment import Segment

Key = tuple[str, str]
"""Station and category: where there is one open call at most."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a segment behaves: `stops` False is call-only, `at_once` stops where it stands.

    `window_ns` is how long before the fixed position a pull must come to stop there.
    """

    stops: bool = True
    at_once: bool = False
    warning_ns: int = 5_000_000_000
    window_ns: int = 0


@dataclass(slots=True)
class Posts:
    """All posts and segments; `homes` says the segment of each station, "" for none.

    `categories` are those written down, by (station, category), station "*" for every one.
    """

    homes: dict[str, str]
    rules: dict[str, Rule] = field(default_factory=dict)
    categories: dict[Key, Category] = field(default_factory=dict)
    posts: dict[Key, Post] = field(default_factory=dict)
    segments: dict[str, Segment] = field(default_factory=dict)
    bypasses: dict[Key, int] = field(default_factory=dict)
    training: set[str] = field(default_factory=set)
    rests_ns: int | None = None
    """Since when it is no working time; None in it."""
    _held: dict[Key, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, rule in self.rules.items():
            self.segments.setdefault(name, Segment(rule.warning_ns)).warning_ns = rule.warning_ns

    # -- what there is -------------------------------------------------------------------------

    def post(self, station: str, category: str) -> Post:
        """Give the post of a station and a category, made at its first use."""
        post = self.posts.get((station, category))
        if post is None:
            post = self.posts[station, category] = Post(self.category(station, category))
            if self.rests_ns is not None:
                post.rest(self.rests_ns)
        return post

    def category(self, station: str, name: str) -> Category:
        """Say how calls of a category behave at a station; call-only where nothing is written."""
        known = self.categories
        found = known.get((station, name)) or known.get(("*", name))
        if found is not None:
            return found
        return Category(name, levels=SAFETY_LEVELS if name.lower() == SAFETY else ())

    def go_by(self, categories: dict[Key, Category]) -> None:
        """Take other ladders, for what is open too; who may stop what stays."""
        self.categories = categories
        for key, post in self.posts.items():
            post.category = self.category(*key)

    def segment_of(self, station: str) -> Segment | None:
        """Give the segment that a station belongs to."""
        return self.segments.get(self.homes.get(station, ""))

    def stations_of(self, segment: str) -> list[str]:
        """List the stations of a segment that are ours."""
        return [station for station, home in self.homes.items() if home == segment]

    def posts_at(self, stations: Collection[str]) -> Iterator[tuple[Key, Post]]:
        """Give the posts of some stations."""
        return ((key, post) for key, post in self.posts.items() if key[0] in stations)

    def stands(self, segment: str) -> bool:
        """Say whether a segment has stopped and was not started since."""
        return self.segments[segment].state in (seg.State.STOPPED, seg.State.RESTARTING)

    def open_calls(self, station: str) -> list[tuple[str, Call]]:
        """List category and call of what is open at a station, the earliest first."""
        found = [(key[1], post.open) for key, post in self.posts_at((station,)) if post.open]
        return sorted(found, key=lambda one: one[1].raised_ns)

    def open_ids(self) -> list[str]:
        """List the calls that are open anywhere."""
        return [post.open.id for post in self.posts.values() if post.open is not None]

    def may_stop(self, key: Key) -> bool:
        """Say whether a call of this post may stop a segment now."""
        rule = self.rules.get(self.homes.get(key[0], ""))
        category = self.category(*key)
        return category.stops and rule is not None and rule.stops and key not in self.bypasses

    def knows(self, station: str, category: str) -> bool:
        """Say whether there are calls of a category at a station."""
        written = self.categories.keys() | self.posts.keys()
        return (station, category) in written or ("*", category) in written

    def in_training(self, station: str) -> bool:
        """Say whether a station, or the whole segment that it belongs to, is in training."""
        return (self.homes.get(station) or station) in self.training
