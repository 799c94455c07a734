"""A cache of rendered lists of lesson progress, for a learner who asks again while nothing has changed."""

from collections import OrderedDict
from typing import Final, NamedTuple

from headway.domain.course_progress import LessonsStamp
from headway.domain.holdings import CourseProgressKey
from headway.http.engine.replies import Reply

KEPT_BYTES: Final = 64 * 1024 * 1024
# What an entry takes besides its body: keys, stamp, headers.
_ENTRY_BYTES: Final = 4096


class _Rendered(NamedTuple):
    stamp: LessonsStamp
    reply: Reply


class RenderedLists:
    """The rendered lists, at most `kept_bytes` of them. The least recently used list is dropped first.

    No answer is stale: a list is used only while the store still has the stamp that it was read under.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._lists: OrderedDict[CourseProgressKey, _Rendered] = OrderedDict()

    def find(self, key: CourseProgressKey, stamp: LessonsStamp) -> Reply | None:
        """Return the list that was rendered under this stamp; `None` where it is not kept."""
        rendered = self._lists.get(key)
        if rendered is None or rendered.stamp != stamp:
            return None
        self._lists.move_to_end(key)
        return rendered.reply

    def keep(self, key: CourseProgressKey, stamp: LessonsStamp, reply: Reply) -> None:
        """Keep a list. It must have been read after its stamp."""
        replaced = self._lists.pop(key, None)
        self._bytes += _size(reply) - (_size(replaced.reply) if replaced else 0)
        self._lists[key] = _Rendered(stamp, reply)
        while self._bytes > self._kept_bytes:
            _, dropped = self._lists.popitem(last=False)
            self._bytes -= _size(dropped.reply)


def _size(reply: Reply) -> int:
    return len(reply.body) + _ENTRY_BYTES
