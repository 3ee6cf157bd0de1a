"""Who calls the store: a thread of its own, or inline where time is virtual.

Rules:
1. The writer opens the store, owns it and leaves it; the reactor hands over jobs and is answered
   by `post`, in the order of the jobs.
2. At most one commit is outstanding; while its flush runs the next batch gathers (natural group
   commit: the running fdatasync is the window).
3. Trouble is a state: the job at the head is tried again, for ever, with a back-off; pings are
   answered meanwhile, so that a full disk never looks like a dead process. Only a question that
   the disk does not read is answered without that, once it was tried often enough.
4. A file found broken while it was open ends the writer: `broken` is told, and the next start of
   the agent sets it apart and salvages it.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from edge_agent.journal.around import Around
from edge_agent.journal.store import Store
from edge_agent.journal.trouble import unread
from edge_agent.records import Batch, Broken, DiskTrouble, Kept, NewerJournal, Restored

RETRY_MIN_S: Final = 0.1
RETRY_MAX_S: Final = 2.0
"""Back-off after a disk error: doubled from the least to the most, back to the least by success."""

OPEN_FULL_MAX_S: Final = 30.0
"""The longest back-off of an opening that finds the disk full: one that sets a journal apart writes
megabytes before it fails, and the card must not be worn out by waiting."""

REOPEN_EVERY: Final = 2
"""Attempts at one job after which the file is closed, opened anew and checked before the next;
after an I/O error it always is."""

ASK_TRIES_MAX: Final = 8
"""Attempts at a question that the disk does not read, some 9 s; then this question and those after
it are answered without what is not read (`edge_agent.journal.around`), and commits go on."""

_POST_PAUSE_S: Final = 0.01


def opens_anew(trouble: DiskTrouble, attempts: int) -> bool:
    """Say whether the file is opened anew before the next attempt.

    What a commit that failed has left in the WAL must not stand behind the next one: it would be
    taken for commits that recovery passed over.
    """
    return trouble.kind == "failing" or attempts % REOPEN_EVERY == 0


class Posting(Protocol):
    """How answers come back: the reactor's `post`."""

    def __call__(self, callback: Callable[[Any], None], message: object) -> bool: ...


class Told(Protocol):
    """What the owner of a writer is told, on the reactor's thread."""

    def opened(self, restored: Restored) -> None: ...
    def committed(self, answer: tuple[Kept | None, int]) -> None: ...
    def troubled(self, trouble: DiskTrouble | None) -> None: ...
    def lost(self, why: NewerJournal | Broken) -> None: ...


class _Job(NamedTuple):
    kind: str
    what: Any
    reply: Any


class _Work:
    """Doing one job at a time; what the thread and the inline writer share."""

    def __init__(
        self,
        opener: Callable[[], Store],
        answer: Callable[[Callable[[Any], None], object], None],
        told: Told,
        mono_ns: Callable[[], int],
    ) -> None:
        self._opener = opener
        self._answer = answer
        self._told = told
        self._mono_ns = mono_ns
        self._store: Store | None = None
        self._epoch = ""
        self._trouble_kind = ""
        self._attempts = 0
        self._around = False
        self.held: deque[_Job] = deque([_Job("open", None, None)])

    def attempt(self, job: _Job) -> float | None:
        """Do a job; returns None when it is done, else after how many seconds to try it again."""
        try:
            self._do(job)
        except DiskTrouble as trouble:
            self._attempts += 1
            self.held.appendleft(job)
            if trouble.kind != self._trouble_kind:
                self._trouble_kind = trouble.kind
                self._answer(self._told.troubled, trouble)
            if job.kind == "ask" and self._store is not None and unread(trouble):
                self._tried_to_read()
            elif opens_anew(trouble, self._attempts):
                self._let_go()
            opening = self._store is None and trouble.kind == "full"
            most_s = OPEN_FULL_MAX_S if opening else RETRY_MAX_S
            return float(min(RETRY_MIN_S * 2 ** min(self._attempts - 1, 10), most_s))
        self._attempts = 0
        if self._trouble_kind:
            self._trouble_kind = ""
            self._answer(self._told.troubled, None)
        return None

    def _tried_to_read(self) -> None:
        """Read around what is not read, when that was tried enough; the file would not open."""
        if self._around and self._attempts > ASK_TRIES_MAX:
            self._let_go()
        self._around = self._around or self._attempts >= ASK_TRIES_MAX

    def lose(self, why: NewerJournal | Broken) -> None:
        """Tell that there is no going on with this file."""
        self._let_go()
        self._answer(self._told.lost, why)

    def _do(self, job: _Job) -> None:
        if job.kind == "ping":
            self._answer(job.reply, None)
            return
        store = self._store or self._open()
        if job.kind == "commit":
            began_ns = self._mono_ns()
            kept = store.commit(job.what)
            self._answer(self._told.committed, (kept, self._mono_ns() - began_ns))
            if store.checkpoint_due():
                self.held.appendleft(_Job("checkpoint", None, None))
        elif job.kind == "ask":
            self._answer(job.reply, job.what(Around(store) if self._around else store))
        elif job.kind == "checkpoint":
            store.checkpoint()
        elif job.kind == "stop":
            store.rest()
            self._answer(job.reply, None)

    def _open(self) -> Store:
        store = self._opener()
        if self._epoch and store.epoch != self._epoch:
            store.close()
            raise Broken("the journal was found broken when it was opened again, and set apart")
        if not self._epoch:
            try:
                restored = store.restore()
            except BaseException:
                store.close()  # or it would hold the lock against the next attempt
                raise
            self._answer(self._told.opened, restored)
            self._epoch = store.epoch
        self._store = store
        return store

    def _let_go(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class Writer:
    """The journal's thread.

    `commit` takes a batch and is answered by `told.committed((kept, took_ns))`; `ask` runs a
    reading job on the store; `ping` is answered at once even while a job is being tried again.
    """

    def __init__(
        self, opener: Callable[[], Store], post: Posting, told: Told, mono_ns: Callable[[], int]
    ) -> None:
        self._post = post
        self._mono_ns = mono_ns
        self._work = _Work(opener, self._answer, told, mono_ns)
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Start the thread: it opens the journal and tells `opened`, `troubled` or `lost`."""
        self._thread.start()

    def commit(self, batch: Batch) -> None:
        """Write a batch; at most one is outstanding."""
        self._jobs.put(_Job("commit", batch, None))

    def ask(self, job: Callable[[Store], Any], reply: Callable[[Any], None]) -> None:
        """Run a reading job in the thread and answer with `reply(what it returned)`."""
        self._jobs.put(_Job("ask", job, reply))

    def ping(self, reply: Callable[[None], None]) -> None:
        """Be answered as long as the thread lives, trouble or no trouble."""
        self._jobs.put(_Job("ping", None, reply))

    def stop(self, done: Callable[[None], None]) -> None:
        """Finish what was handed over, checkpoint, leave the file; then `done`.

        In trouble `done` comes at once: what still waits was never called accepted.
        """
        self._jobs.put(_Job("stop", None, done))

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        work = self._work
        due_ns: int | None = None
        while True:
            job = self._next(due_ns)
            if job is None:
                continue
            if job.kind == "stop" and due_ns is not None:
                self._answer(job.reply, None)
                return
            try:
                wait_s = work.attempt(job)
            except (NewerJournal, Broken) as why:
                work.lose(why)
                return
            due_ns = None if wait_s is None else self._mono_ns() + int(wait_s * 1e9)
            if job.kind == "stop" and wait_s is None:
                return

    def _next(self, due_ns: int | None) -> _Job | None:
        """Take the next job; while one is to be tried again only pings and `stop` pass it."""
        held = self._work.held
        if due_ns is None:
            return held.popleft() if held else self._jobs.get()
        left_ns = due_ns - self._mono_ns()
        if left_ns <= 0:  # it is due, however many jobs come meanwhile
            return held.popleft()
        try:
            job = self._jobs.get(timeout=left_ns / 1e9)
        except queue.Empty:
            return held.popleft()
        if job.kind == "ping":
            self._answer(job.reply, None)
        elif job.kind == "stop":
            return job
        else:
            held.append(job)
        return None

    def _answer(self, callback: Callable[[Any], None], message: object) -> None:
        """Post an answer; answers are few and must not be lost, so a full inbox is waited for."""
        while not self._post(callback, message):
            self._pause.wait(_POST_PAUSE_S)


class InlineWriter:
    """The same work done at once, in the caller's thread: for a factory on a virtual clock.

    A job in trouble stays at the head; `poke` tries it again and returns whether all is done.
    """

    def __init__(
        self, opener: Callable[[], Store], post: Posting, told: Told, mono_ns: Callable[[], int]
    ) -> None:
        self._post = post
        self._work = _Work(opener, self._answer, told, mono_ns)
        self._told = told
        self.ended = False

    def start(self) -> None:
        """Open the journal."""
        self.poke()

    def commit(self, batch: Batch) -> None:
        """Write a batch."""
        self._hand(_Job("commit", batch, None))

    def ask(self, job: Callable[[Store], Any], reply: Callable[[Any], None]) -> None:
        """Run a reading job."""
        self._hand(_Job("ask", job, reply))

    def ping(self, reply: Callable[[None], None]) -> None:
        """Answer."""
        self._answer(reply, None)

    def stop(self, done: Callable[[None], None]) -> None:
        """Finish and leave the file."""
        self._hand(_Job("stop", None, done))

    def join(self, timeout_s: float) -> None:
        """Nothing to wait for."""

    def poke(self) -> bool:
        """Try what is held, in order, until trouble; True when nothing is left."""
        held = self._work.held
        while held and not self.ended:
            try:
                if self._work.attempt(held.popleft()) is not None:
                    return False
            except (NewerJournal, Broken) as why:
                self.ended = True
                self._work.lose(why)
        return not held

    def _hand(self, job: _Job) -> None:
        self._work.held.append(job)
        self.poke()

    def _answer(self, callback: Callable[[Any], None], message: object) -> None:
        if not self._post(callback, message):
            raise OverflowError("the inbox of a stepped reactor is full: step it more often")
