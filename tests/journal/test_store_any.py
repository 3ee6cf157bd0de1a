"""The journal against a dictionary: committed, trimmed, set aside, killed and opened again."""

import random
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_agent.journal import store as store_module
from edge_agent.records import NORMAL, URGENT, Batch, Cursor, DiskTrouble, Row, Trim
from tests.kit.journals import batch, killed, opened, quick_folder, row


class Journal(RuleBasedStateMachine):
    """One writer, one model; every batch is there whole or not at all, also after a kill."""

    @initialize(seed=st.integers(0, 1 << 16))
    def begin(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(store_module, "GROWN_WAL_BYTES", 8192)
        self.folder = quick_folder()
        self.lives = 0
        self.data_dir = Path(self.folder.name) / "life-0"
        self.store = opened(self.data_dir)
        self.epoch = self.store.epoch
        self.rows: dict[int, Row] = {}
        self.aside: dict[tuple[int, int], str] = {}
        self.counts = {1: 0, 2: 0, 3: 0}
        self.high = 0
        self.cursor = Cursor()
        self.last: Batch | None = None

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()
            self.patched.undo()

    def _rows(self, count: int) -> list[Row]:
        made = []
        for seq in range(self.high + 1, self.high + count + 1):
            stream = self.rng.choice((1, 2, 3))
            self.counts[stream] += 1
            lane = NORMAL if stream < 3 else URGENT
            size = self.rng.choice((0, 10, 400, 9000))
            made.append(
                row(seq, lane, stream, self.counts[stream], payload=b"%d" % seq + bytes(size))
            )
        return made

    def _commit(self, made: Batch) -> None:
        self.store.commit(made)
        self.last = made
        for one in made.rows:
            self.rows[one[0]] = one
            self.high = one[0]
        for lane, seq, reason in made.aside:
            self.aside.setdefault((lane, seq), reason)

    @rule(count=st.integers(1, 12))
    def commit(self, count: int) -> None:
        self._commit(batch(*self._rows(count)))

    @rule(count=st.integers(1, 5))
    def commit_that_fails(self, count: int) -> None:
        """Let the disk refuse; the same batch is handed over again when it is well."""
        made = batch(*self._rows(count), meta=[("failed", str(self.high))])
        self.store.sql.execute("PRAGMA query_only=1")
        with pytest.raises(DiskTrouble):
            self.store.commit(made)
        self.store.sql.execute("PRAGMA query_only=0")
        self._commit(made)

    @rule()
    def acknowledge(self) -> None:
        """Let the cursor ride in a row; it never goes back."""
        self.cursor = Cursor(
            self.rng.randint(self.cursor.normal, self.high),
            self.rng.randint(self.cursor.urgent, self.high),
            0,
        )
        (made,) = self._rows(1)
        seq, lane, stream, n, _, _, payload, _ = made
        self._commit(batch(row(seq, lane, stream, n, self.cursor.text(), payload)))

    @rule()
    def set_aside(self) -> None:
        if self.rows:
            one = self.rows[self.rng.choice(list(self.rows))]
            self._commit(Batch(aside=[(one[1], one[0], "refused")]))

    @rule(keep_bytes=st.sampled_from([0, 5_000, 1 << 30]), aged=st.booleans())
    def trim(self, keep_bytes: int, aged: bool) -> None:
        """Keep house as the outbox does: snapshot and trim in one batch, after its rows."""
        upto = min(self.cursor[:2])
        made = self._rows(1)
        body = "\n".join(f"{one} {n}" for one, n in self.counts.items()).encode()
        self._commit(
            batch(
                *made,
                snapshots=[("streams", made[-1][0], body)],
                trim=Trim(upto, upto if aged else 0, keep_bytes, 0),
            )
        )
        present = {found.seq for found in self.store.all_after(0, 100_000)}
        gone = set(self.rows) - present
        assert all(seq <= upto for seq in gone), "trimmed what is not acknowledged"
        going = [seq for seq in self.rows if seq <= upto]
        if aged or keep_bytes == 0:
            assert not [seq for seq in going if seq in present and seq != self.high][1024:]
        for seq in gone:
            del self.rows[seq]

    @rule()
    def checkpoint(self) -> None:
        self.store.checkpoint()

    @rule(clean=st.booleans(), told=st.booleans())
    def reopen(self, clean: bool, told: bool) -> None:
        """End, by a kill or cleanly; a batch whose answer was lost is handed over again."""
        self.lives += 1
        into = self.data_dir.parent / f"life-{self.lives}"
        if clean:
            self.store.close()
        killed(self.data_dir, into)
        if not clean:
            self.store.close()
        self.data_dir = into
        self.store = opened(into)
        if (
            not told
            and self.last is not None
            and self.last.rows
            and self.last.rows[-1][0] == self.high
        ):
            before = self.store.high
            self.store.commit(self.last)
            assert self.store.high == before

    @invariant()
    def everything_is_as_it_was_committed(self) -> None:
        if not hasattr(self, "store"):
            return
        found = self.store.all_after(0, 100_000)
        assert all(one.sound for one in found)
        assert {one.seq: (one.lane, one.n, one.payload) for one in found} == {
            seq: (one[1], one[3], one[6]) for seq, one in self.rows.items()
        }
        for lane in (NORMAL, URGENT):
            assert [one.seq for one in self.store.page(lane, 0, 100_000)] == sorted(
                seq
                for seq, one in self.rows.items()
                if one[1] == lane and (lane, seq) not in self.aside
            )
        assert self.store.epoch == self.epoch

    @invariant()
    def a_boot_would_find_it_so(self) -> None:
        if not hasattr(self, "store"):
            return
        found = self.store.restore()
        assert found.high == self.high
        assert found.cursor == self.cursor
        assert dict(found.streams.values()) == (self.counts if self.high else {})
        assert found.kept.payload_bytes == sum(len(one[6]) for one in self.rows.values())
        assert found.waiting[:2] == tuple(
            sum(
                one[1] == lane and seq > self.cursor[lane] and (lane, seq) not in self.aside
                for seq, one in self.rows.items()
            )
            for lane in (NORMAL, URGENT)
        )


Journal.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, print_blob=True
)
TestJournal = Journal.TestCase
