"""Rate limits and caches in the process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from merchant_gateway import cursors
from merchant_gateway.authentication import raw_target
from merchant_gateway.caches import BriefCache
from merchant_gateway.errors import InvalidRequestError
from merchant_gateway.limits import Limits, LocalRate


def test_a_quota_is_spent_and_then_waited_for() -> None:
    rate = LocalRate(quota=5, window=3600)
    left = [rate.take("a")[0] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert 700 < rate.wait("a") <= 720
    assert rate.wait("b") == 0


def test_names_are_bounded() -> None:
    rate = LocalRate(quota=5, window=3600, size=10)
    for number in range(100):
        rate.take(str(number))
    assert len(rate._due) <= 10


def test_the_policy_header() -> None:
    limits = Limits(
        merchant_quota=10,
        merchant_window=2,
        test_quota=3,
        test_window=4,
        address_failures=5,
        address_window=6,
    )
    assert limits.policy == '"merchant";q=10;w=2, "test";q=3;w=4, "address";q=5;w=6'


def test_a_cache_loads_once_is_bounded_and_keeps_the_stale() -> None:
    loads: list[int] = []

    def load() -> int:
        loads.append(1)
        return len(loads)

    cache: BriefCache[str, int] = BriefCache(size=4, seconds=3600)
    assert [cache.get("a", load) for _ in range(3)] == [1, 1, 1]
    over: BriefCache[str, int] = BriefCache(size=4, seconds=-1)
    assert [over.get("a", load) for _ in range(2)] == [2, 3]
    assert over.stale("a") == 3
    for number in range(20):
        cache.get(str(number), load)
    assert sum(cache.stale(str(number)) is not None for number in range(20)) <= 4


@pytest.mark.parametrize("drop", ["clear", "forget"])
def test_what_was_read_before_a_drop_is_not_kept_after_it(drop: str) -> None:
    cache: BriefCache[str, str] = BriefCache(size=4, seconds=3600)
    read, dropped = Event(), Event()

    def load() -> str:
        read.set()  # the key was still good when it was read
        assert dropped.wait(30)
        return "before"

    with ThreadPoolExecutor(max_workers=1) as pool:
        slow = pool.submit(cache.get, "a", load)
        assert read.wait(30)
        cache.clear() if drop == "clear" else cache.forget("a")
        dropped.set()
        assert slow.result(30) == "before"
    assert cache.stale("a") is None
    assert cache.get("a", lambda: "after") == "after"
    assert cache.get("a", lambda: "later") == "after"


def test_a_cache_does_not_keep_a_failure() -> None:
    cache: BriefCache[str, int] = BriefCache(size=4, seconds=3600)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 7) == 7


@pytest.mark.parametrize("text", ["", "!", "AAAA", "bnVsbA", "W10", "WyJvdGhlciIsMV0", "é"])
def test_a_cursor_that_was_not_given_out(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        cursors.unpack("list", text, types=(int,))


@pytest.mark.parametrize("part", [-1, 2**31, 10**40, "a\x00b", True])
def test_a_cursor_holds_nothing_that_the_database_would_not_take(part: str | int) -> None:
    wanted = str if isinstance(part, str) else int
    with pytest.raises(InvalidRequestError):
        cursors.unpack("list", cursors.pack("list", part), types=(wanted,))


def test_a_cursor_comes_back() -> None:
    assert cursors.unpack("list", cursors.pack("list", "a", 5), types=(str, int)) == ["a", 5]
    assert cursors.unpack("list", None, types=(int,)) is None


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        ({"RAW_URI": "/v1/a%2Fb?x=%20"}, "/v1/a%2Fb?x=%20"),
        ({"REQUEST_URI": "/v1/a?"}, "/v1/a?"),
        ({"PATH_INFO": "/v1/ping", "QUERY_STRING": ""}, "/v1/ping"),
        ({"PATH_INFO": "/v1/ping", "QUERY_STRING": "a=%41"}, "/v1/ping?a=%41"),
        ({"PATH_INFO": "/v1/پ".encode().decode("latin-1")}, "/v1/%D9%BE"),
        ({"PATH_INFO": "/v1/a b"}, "/v1/a%20b"),
    ],
)
def test_the_raw_target_and_its_fallback(environ: dict[str, object], target: str) -> None:
    assert raw_target(environ) == target
