"""The client of a Headway service for back ends in Python: `Client`, and `AsyncClient` for `async` code.

It imports nothing of the service.
"""

from headway.client import quiet as _quiet  # noqa: F401 - keeps names out of the log from the first request on
from headway.client.aio.client import AsyncClient
from headway.client.blocking.client import Client
from headway.client.calls import ME, Tagged, learner_id
from headway.client.errors import (
    ConditionFailedError,
    CursorExpiredError,
    Fault,
    HeadwayError,
    NoAnswerError,
    NotFoundError,
)
from headway.client.following import NEWEST, Event
from headway.client.lessons import LessonAnswer, ProgressLine
from headway.client.retries import NO_RETRIES, Retries

__all__ = [
    "ME",
    "NEWEST",
    "NO_RETRIES",
    "AsyncClient",
    "Client",
    "ConditionFailedError",
    "CursorExpiredError",
    "Event",
    "Fault",
    "HeadwayError",
    "LessonAnswer",
    "NoAnswerError",
    "NotFoundError",
    "ProgressLine",
    "Retries",
    "Tagged",
    "learner_id",
]
