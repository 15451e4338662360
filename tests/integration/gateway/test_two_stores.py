"""One signature, two stores of nonces, several processes that notice different things.

Each guard here is what a gateway process has of its own.
"""

from __future__ import annotations

import itertools
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import redis
from sqlalchemy.orm import Session

from config.services.valkey import Valkey
from merchant_gateway.errors import NonceReplayedError, SignAgainError
from merchant_gateway.guard import Guard
from merchant_gateway.limits import Limits
from network.database.connection import Database
from network.database.driver import Direct
from network.errors import UnavailableError
from tests.fixtures.private_valkey import open_valkey
from tests.fixtures.wire import Wire

PATIENCE_SECONDS = 30.0
LIMITS = Limits(merchant_quota=100_000, merchant_window=60)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A signature as a guard sees it, made ``ahead`` of now or before it."""

    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    created: int = field(default_factory=lambda: int(time.time()))

    @classmethod
    def ahead(cls, seconds: int) -> Signed:
        return cls(created=int(time.time()) + seconds)


class Process:
    """A guard with a line of its own to Valkey, which a test can cut."""

    def __init__(self, valkey: Valkey, database: Database) -> None:
        self.wire = Wire(str(valkey.socket))
        self.client = redis.Redis(
            port=self.wire.port,
            password=valkey.password,
            socket_timeout=2.0,
            socket_connect_timeout=2.0,
        )
        self.guard = Guard(redis=self.client, database=database, limits=LIMITS)

    def says(self, signed: Signed, *, merchant: UUID | None = None) -> str:
        """Return how the guard judges a signature: accepted, replayed, again."""
        try:
            self.guard.admit(
                key_id="mk_live_a",
                merchant_id=merchant or uuid4(),
                environment="live",
                nonce=signed.nonce,
                created=signed.created,
                wall=datetime.now(UTC),
            )
        except NonceReplayedError:
            return "replayed"
        except SignAgainError:
            return "again"
        return "accepted"

    def accepted(self) -> Signed:
        """Return the first of some signatures, one made after the other, that is accepted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            signed = Signed()
            try:
                self.guard.admit(
                    key_id="mk_live_a",
                    merchant_id=uuid4(),
                    environment="live",
                    nonce=signed.nonce,
                    created=signed.created,
                    wall=datetime.now(UTC),
                )
            except SignAgainError as error:
                time.sleep(int(str(error.facts["retry_after"])))  # what a client is told to wait
                continue
            return signed
        raise AssertionError("nothing was accepted")

    def close(self) -> None:
        """Close what it holds."""
        self.client.close()
        self.wire.close()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Yield a Valkey that comes back empty."""
    with open_valkey(tmp_path_factory.mktemp("v"), persistent=False) as server:
        yield server


class Processes:
    """Starts processes, and closes them at the end."""

    def __init__(self, valkey: Valkey, database: Database) -> None:
        self.valkey = valkey
        self._database = database
        self.all: list[Process] = []

    def start(self) -> Process:
        """Return a process that knows nothing yet."""
        self.all.append(Process(self.valkey, self._database))
        return self.all[-1]

    def restart_valkey(self) -> None:
        """Have Valkey forget everything."""
        self.valkey.stop()
        self.valkey.start()


@pytest.fixture
def processes(valkey: Valkey, database: Database) -> Iterator[Processes]:
    """Yield what starts processes on a database of the test's own."""
    started = Processes(valkey, database)
    yield started
    for each in started.all:
        each.close()


def test_who_slept_through_an_outage_takes_nothing_that_was_accepted(
    processes: Processes,
) -> None:
    awake, asleep = processes.start(), processes.start()
    before = awake.accepted()
    assert asleep.says(Signed()) == "accepted"
    processes.valkey.stop()
    try:
        assert awake.says(before) == "again"
        alone = awake.accepted()
        assert awake.says(alone) == "replayed"
    finally:
        processes.valkey.start()
    started_later = processes.start()
    assert asleep.says(before) == "again"  # the Valkey that knew it is no more
    for each in (asleep, started_later, awake):
        assert each.says(alone) == "replayed"
        assert each.says(before) != "accepted"
    fresh = asleep.accepted()
    assert {each.says(fresh) for each in (started_later, awake)} == {"replayed"}


def test_a_valkey_that_was_started_anew_unnoticed_is_not_believed_of_what_was_before(
    processes: Processes,
) -> None:
    one, other = processes.start(), processes.start()
    seen = one.accepted()
    processes.restart_valkey()
    assert [each.says(seen) for each in (other, one)] == ["again", "replayed"]
    fresh = other.accepted()
    assert one.says(fresh) == "replayed"


def test_who_is_cut_off_alone_and_the_others_accept_nothing_of_each_other(
    processes: Processes,
) -> None:
    whole, lonely = processes.start(), processes.start()
    assert lonely.says(Signed()) == "accepted"
    early, ahead = whole.accepted(), Signed.ahead(20)
    assert whole.says(ahead) == "accepted"
    lonely.wire.cut()
    late = Signed()
    assert whole.says(late) == "accepted"  # it has not read of any loss
    assert [lonely.says(each) for each in (early, late)] == ["again", "again"]
    assert lonely.says(ahead) == "replayed"  # though it was made after the mark
    alone = lonely.accepted()
    assert whole.says(alone) == "replayed"
    both = Signed()
    assert whole.says(both) == "accepted"  # it never has to sign again
    assert lonely.says(both) == "replayed"
    lonely.wire.mend()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(whole.client.client_list()) < 3:  # until it asks Valkey again
        assert time.monotonic() < deadline
        assert lonely.says(alone) == "replayed"
    assert whole.says(lonely.accepted()) == "replayed"


def test_a_signature_is_accepted_once_whoever_loses_valkey_meanwhile(
    processes: Processes,
) -> None:
    """Three processes see the same signatures while lines are cut and Valkey forgets."""
    three = [processes.start() for _ in range(3)]
    for each in three:
        each.accepted()
    accepted: Counter[str] = Counter()
    over = threading.Event()
    latest = [Signed()]

    def serve(process: Process, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - which of the latest comes next
        while not over.is_set():
            signed = draw.choice(latest[-60:])
            with suppress(UnavailableError):
                if process.says(signed) == "accepted":
                    accepted[signed.nonce] += 1

    threads = [threading.Thread(target=serve, args=(each, seed)) for seed, each in enumerate(three)]
    for thread in threads:
        thread.start()
    _disturb(processes, latest)
    over.set()
    for thread in threads:
        thread.join()
    assert accepted
    assert set(accepted.values()) == {1}


def _disturb(processes: Processes, latest: list[Signed]) -> None:
    """Sign for a while, cut lines and mend them, and have Valkey forget."""
    draw = random.Random(4)  # noqa: S311
    ends_at = time.monotonic() + 4
    for number in itertools.count():
        if time.monotonic() > ends_at:
            return
        latest.append(Signed.ahead(draw.choice([-2, -1, 0, 0, 0, 1, 3])))
        if number % 40 == 20:
            wire = draw.choice(processes.all).wire
            draw.choice([wire.cut, wire.mend, wire.mend])()
        if number % 200 == 150:
            processes.restart_valkey()
        time.sleep(0.005)  # the pace of those who sign


class _Counting(Database):
    """A database that counts how often it is asked, and how."""

    def __init__(self, url: str) -> None:
        super().__init__(url, pool_size=1)
        self.reads = self.units = 0

    @contextmanager
    def direct(self) -> Iterator[Direct]:
        self.reads += 1
        with super().direct() as connection:
            yield connection

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        self.units += 1
        with super().unit_of_work() as session:
            yield session


def test_with_valkey_there_the_database_is_asked_once_a_second(
    valkey: Valkey, database: Database
) -> None:
    counting = _Counting(database.engine.url.render_as_string(hide_password=False))
    processes = Processes(valkey, counting)
    process = processes.start()
    process.accepted()
    begun, reads, units = time.monotonic(), counting.reads, counting.units
    just_made = int(time.time()) - 1
    for _ in range(300):
        assert process.says(Signed(created=just_made)) == "accepted"
    assert counting.reads - reads <= time.monotonic() - begun + 1
    assert counting.units == units
    process.close()
    counting.dispose()


def test_what_a_client_is_told_to_wait_is_enough(processes: Processes) -> None:
    process = processes.start()
    process.wire.cut()
    with pytest.raises(SignAgainError) as caught:
        process.guard.admit(
            key_id="mk_live_a",
            merchant_id=uuid4(),
            environment="live",
            nonce="n" * 22,
            created=int(time.time()),
            wall=datetime.now(UTC),
        )
    told = int(str(caught.value.facts["retry_after"]))
    assert 1 <= told <= 3
    assert int(str(caught.value.facts["created_from"])) <= time.time() + told
    then = datetime.now(UTC) + timedelta(seconds=told)
    # What is signed then is believed now already: the database's clock is not asked for it.
    assert process.says(Signed(created=int(then.timestamp()))) == "accepted"
