"""What the content of lessons has stored for a learner, as an export has it."""

from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from headway.domain import bounds
from headway.domain.errors import InvalidValueError
from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.launches import ContentState
from headway.domain.scorm import ScormVersion
from headway.formats.fields import Moment
from headway.formats.scorm_commits import checked_cmi
from headway.formats.shapes import renderer


def _as_committed(cmi: dict[str, Any]) -> dict[str, Any]:
    """Return a state as a commit could have brought it. Pages load it: what they can not load is refused."""
    try:
        return checked_cmi(cmi)
    except InvalidValueError as error:
        raise PydanticCustomError("cmi", "{reason}", {"reason": str(error)}) from None


class HeldContentState(BaseModel):
    """What the content of a lesson has stored for the learner."""

    course_id: UUID
    lesson_id: UUID
    run: Annotated[int, Field(ge=1, le=bounds.MOST_RUNS)]
    opened_at: Annotated[Moment, Field(description="When the learner last opened the content.")]
    reported_at: Annotated[Moment | None, Field(description="When it first reported after that.")]
    time_spent_seconds: Annotated[float, Field(ge=0, lt=2**53)]
    attempts: Annotated[int, Field(ge=0, le=bounds.MOST_ATTEMPTS, description="The attempts that had a result.")]
    is_counted: Annotated[bool, Field(description="Whether the present attempt is among them.")]
    is_over: Annotated[bool, Field(description="Whether the present attempt has ended.")]
    made_at: Annotated[Moment | None, Field(description="When the content made the state.")]
    scorm: Annotated[ScormVersion | None, Field(description="The version of SCORM of the state.")]
    cmi: Annotated[
        Annotated[dict[str, Any], AfterValidator(_as_committed)] | None,
        Field(description="The state, as the content reads it when it resumes."),
    ]

    def to_state(self, learner_id: LearnerId) -> ContentState:
        """Return the state of a learner."""
        return ContentState(
            learner_id,
            CourseId(str(self.course_id)),
            LessonId(str(self.lesson_id)),
            self.run,
            self.opened_at,
            self.reported_at,
            seconds=self.time_spent_seconds,
            attempts=self.attempts,
            is_counted=self.is_counted,
            is_over=self.is_over,
            made_at=self.made_at,
            scorm=self.scorm,
            cmi=None if self.cmi is None else orjson.dumps(self.cmi).decode(),
        )


content_state: Final = renderer(
    HeldContentState,
    time_spent_seconds="total_seconds",
    cmi=lambda state: None if state.cmi is None else orjson.loads(state.cmi),
)
"""Renders what the content of a lesson has stored."""
