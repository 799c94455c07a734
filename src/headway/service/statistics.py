"""What is told of courses and their learners, to those who may see it."""

from headway.storage.port import Store


class StatisticsService:
    """Courses' figures. Every method may raise `UnavailableError` and what its store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store
