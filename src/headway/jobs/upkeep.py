"""Keeps the store in order: finishes what was interrupted, and removes what nobody needs any more."""

from headway.domain.ports import Store


class Finisher:
    """Looks once a second for an atomic import that a killed process has left."""

    name = "finish_interrupted"
    seconds_between_looks = 1.0
    can_be_woken = False  # the store takes what has not changed between two looks for abandoned

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Finish an interrupted import. Return `False`: one look finishes all."""
        await self._store.finish_interrupted()
        return False


class Sweeper:
    """Looks once a minute for imports and sign-in codes that are over, and for what erased learners left behind."""

    name = "sweep"
    seconds_between_looks = 60.0
    can_be_woken = False

    def __init__(self, store: Store) -> None:
        self._store = store

    async def work(self) -> bool:
        """Remove what is over. Return `False`: one look removes all."""
        await self._store.sweep()
        return False
