"""Many callers, few commits: everybody gets their own result, whoever committed it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.platform.errors import Invalid, Unavailable
from shared.platform.group_commit import Committed, GroupCommits

SECONDS = 20


class Store:
    """Keeps what is committed, a group at a time; holds the first commit until the test lets it go on."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.afterwards: list[int] = []
        self.first_is_in = threading.Event()
        self.go_on = threading.Event()
        self.raises: BaseException | None = None
        self._inside = threading.Lock()

    def commit(self, key: str, works: Sequence[int]) -> Committed[str]:
        assert self._inside.acquire(blocking=False), "two commits of one key at once"
        try:
            self.groups.append(list(works))
            self.first_is_in.set()
            assert self.go_on.wait(SECONDS)
            if self.raises is not None:
                raised, self.raises = self.raises, None
                raise raised
            results = [Invalid("odd") if work < 0 else f"{key}:{work}" for work in works]
            return results, lambda: self.afterwards.append(len(works))
        finally:
            self._inside.release()


def test_those_who_come_during_a_commit_share_the_next(store: Store) -> None:
    commits = GroupCommits[int, str](store.commit, 100)
    with ThreadPoolExecutor(40) as threads:
        first = threads.submit(commits.run, "r", 0)
        assert store.first_is_in.wait(SECONDS)
        others = [threads.submit(commits.run, "r", number) for number in range(1, 30)]
        _all_wait(commits, 29)
        store.go_on.set()
        assert [one.result(SECONDS) for one in (first, *others)] == [f"r:{number}" for number in range(30)]
    assert [len(group) for group in store.groups] == [1, 29]
    assert sorted(store.afterwards) == [1, 29]


def test_no_group_is_larger_than_the_most(store: Store) -> None:
    commits = GroupCommits[int, str](store.commit, 10)
    with ThreadPoolExecutor(40) as threads:
        some = [threads.submit(commits.run, "r", number) for number in range(35)]
        store.go_on.set()
        assert {one.result(SECONDS) for one in some} == {f"r:{number}" for number in range(35)}
    assert max(len(group) for group in store.groups) <= 10


def test_a_failure_is_its_own_works_only(store: Store) -> None:
    commits = GroupCommits[int, str](store.commit, 100)
    with ThreadPoolExecutor(10) as threads:
        first = threads.submit(commits.run, "r", 0)
        assert store.first_is_in.wait(SECONDS)
        odd, even = threads.submit(commits.run, "r", -1), threads.submit(commits.run, "r", 2)
        _all_wait(commits, 2)
        store.go_on.set()
        assert (first.result(SECONDS), even.result(SECONDS)) == ("r:0", "r:2")
        with pytest.raises(Invalid):
            odd.result(SECONDS)


@pytest.mark.parametrize("raised", [Unavailable("gone"), KeyboardInterrupt()])
def test_what_a_commit_raises_is_everybodys_and_the_next_goes_on(store: Store, raised: BaseException) -> None:
    commits = GroupCommits[int, str](store.commit, 100)
    outcomes: list[BaseException | str] = []

    def run(number: int) -> None:
        try:
            outcomes.append(commits.run("r", number))
        except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt is one of them
            outcomes.append(error)

    store.raises = raised
    first = threading.Thread(target=run, args=(0,))
    first.start()
    assert store.first_is_in.wait(SECONDS)
    others = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
    for one in others:
        one.start()
    _all_wait(commits, 2)
    store.go_on.set()
    for one in (first, *others):
        one.join(SECONDS)
    assert outcomes[0] is raised
    assert sorted(outcomes[1:], key=str) == ["r:1", "r:2"]
    assert commits.run("r", 3) == "r:3"


def test_what_comes_after_a_commit_does_not_fail_it(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise OSError("the network is gone")

    commits = GroupCommits[int, str](lambda key, works: ([key for _ in works], broken), 100)
    assert commits.run("r", 1) == "r"
    assert "after_commit_failed" in caplog.text


def test_keys_do_not_wait_for_each_other() -> None:
    inside = threading.Barrier(2, timeout=SECONDS)

    def commit(key: str, works: Sequence[int]) -> Committed[str]:
        inside.wait()
        return [key for _ in works], lambda: None

    commits = GroupCommits[int, str](commit, 100)
    with ThreadPoolExecutor(2) as threads:
        assert [one.result(SECONDS) for one in [threads.submit(commits.run, key, 1) for key in "ab"]] == ["a", "b"]


@pytest.fixture
def store() -> Store:
    return Store()


def _all_wait(commits: GroupCommits[int, str], count: int) -> None:
    until = threading.Event()
    for _ in range(SECONDS * 100):
        if len(commits._waiting["r"]) == count:
            return
        until.wait(0.01)
    raise AssertionError("the others have not come")
