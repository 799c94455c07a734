"""What is done for learners by others: writing, exporting, erasing."""

from headway.storage.port import Store


class LearnersService:
    """Work on learners' behalf. Every method may raise `UnavailableError` and what its store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store
