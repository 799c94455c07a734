# Made by `make client` from the module of the same name in `aio/`: do not edit.
"""Groups: classes and cohorts of learners."""

from collections.abc import Iterable, Iterator

from headway.client.blocking.sending import Sender
from headway.client.calls import Id, Tagged, delete, get, on_condition, put
from headway.client.shapes import Group, GroupDocument, GroupLine


class Groups:
    """Reads and changes groups. Needs `groups:write`; `statistics:read` may read."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def all(self, *, page_size: int = 1_000) -> Iterator[GroupLine]:
        """Yield the groups that the token may see, by title. Without a scope, these are the learner's own."""
        for page in self._sender.pages(get(list[GroupLine], "groups", limit=page_size)):
            for group in page:
                yield group

    def get(self, group: Id) -> Tagged[Group]:
        """Return a group with its members and courses. Raises `NotFoundError`."""
        return self._sender.tagged(get(Group, "groups", group))

    def put(
        self,
        group: Id,
        title: str,
        members: Iterable[Id],
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> Tagged[Group]:
        """Store a whole group: who is not in `members` leaves it. A member is an id, or the `sub` of tokens."""
        document = GroupDocument(title=title, members=[str(member) for member in members])
        call = put(Group, document, "groups", group)
        return self._sender.tagged(on_condition(call, if_match, if_none_match))

    def add(self, group: Id, learner: Id) -> None:
        """Make a learner a member of a group."""
        self._sender.done(put(type(None), {}, "groups", group, "members", learner))

    def take_out(self, group: Id, learner: Id) -> None:
        """Take a learner out of a group."""
        self._sender.done(delete("groups", group, "members", learner))

    def remove(self, group: Id) -> None:
        """Remove a group. The progress of its members is kept."""
        self._sender.done(delete("groups", group))
