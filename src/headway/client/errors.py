"""What the client raises."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict


class Fault(TypedDict):
    """One fault of a request (422): where it is (`loc`), a sentence for people, and a name for programs."""

    loc: list[str | int]
    msg: str
    type: str


class HeadwayError(Exception):
    """The service refused a request, or did not answer it.

    `status` is the status of the answer, `None` where there was none. `code` is the error's name for programs, `None`
    where the answer has none. `detail` is the sentence for people. A 422 has the list of its `faults` in place of a
    code. Nothing repeats what was sent, because that may be a name.
    """

    def __init__(self, status: int | None, code: str | None, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(status, code, detail, tuple(faults))  # all of it, so that it can be pickled
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.status, self.code, self.detail) if part is not None)


class NoAnswerError(HeadwayError):
    """There was no answer: the connection failed or was lost, or the answer took too long.

    A request that changes something may have been done.
    """


class NotFoundError(HeadwayError):
    """What was asked for does not exist (404). `code` says what."""


class CursorExpiredError(HeadwayError):
    """Events after the cursor are no longer kept (410): read the present state, and go on with `newest`."""


class ConditionFailedError(HeadwayError):
    """What was to be changed has changed before (412). Nothing was stored."""


_CLASSES: Final[Mapping[int, type[HeadwayError]]] = {
    404: NotFoundError,
    410: CursorExpiredError,
    412: ConditionFailedError,
}


def refusal(status: int, body: bytes) -> HeadwayError:
    """Return the error for the answer of a refusal, also for one that is not the service's, as of a proxy."""
    answer = _parsed(body)
    detail = answer.get("detail")
    error = _CLASSES.get(status, HeadwayError)
    if isinstance(detail, list):
        faults = [_fault(one) for one in detail]
        return error(status, None, "; ".join(map(_sentence, faults)), faults)
    return error(status, answer.get("code"), detail if isinstance(detail, str) else "The answer gives no reason.")


def code_of(body: bytes) -> str | None:
    """Return the code in the body of a refusal; `None` where there is none, as in the answer of a proxy."""
    code = _parsed(body).get("code")
    return code if isinstance(code, str) else None


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _fault(one: Mapping[str, Any]) -> Fault:
    return Fault(loc=one.get("loc", []), msg=str(one.get("msg", "")), type=str(one.get("type", "")))


def _sentence(fault: Fault) -> str:
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
