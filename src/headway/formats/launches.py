"""Launches of lessons' content, as the API answers them."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, Field

from headway.domain.packages import PackagedContent
from headway.domain.scorm import ScormVersion
from headway.formats.fields import Moment
from headway.formats.queries import Flag, Nothing, optional
from headway.formats.shapes import renderer


class OpenLaunchParameters(BaseModel):
    """The query of a launch."""

    scorm: Annotated[
        ScormVersion | Nothing,
        optional("The version of SCORM of content that is in no package here; it decides the form of `cmi`."),
    ] = None


class CommitParameters(BaseModel):
    """What the address of a commit says of it."""

    terminate: Annotated[
        Flag | Nothing,
        optional("Whether content ends: for scorm-again's `terminateCommitParam`. It may also stand in the commit."),
    ] = None


class LaunchDocument(BaseModel):
    """A launch of a lesson's content: what a player needs to play it."""

    launch: Annotated[str, Field(description="The launch's token. Who has it may report for the learner.")]
    expires_at: Annotated[Moment, Field(description="Until when the launch may report.")]
    course_id: UUID
    lesson_id: UUID
    title: Annotated[str, Field(description="The lesson's title.")]
    scorm: Annotated[ScormVersion | None, Field(description="The version of the content's interface; null: not known.")]
    is_sco: Annotated[
        bool | None,
        Field(description="Whether the content reports; false: it is an asset. Null where it is in no package here."),
    ]
    commit_url: Annotated[
        str,
        Field(
            description="For scorm-again's `lmsCommitUrl`: a path of the service, "
            "or an address on `HEADWAY_CONTENT_ORIGIN`."
        ),
    ]
    content_url: Annotated[
        str | None, Field(description="The content's first page; null where it is in no package here.")
    ]
    play_url: Annotated[
        str | None, Field(description="Headway's own page that plays the content, for a frame; null as above.")
    ]
    cmi: Annotated[dict[str, Any], Field(description="For scorm-again's `loadFromJSON`, before the content begins.")]


class CommitResult(BaseModel):
    """What scorm-again expects of an answer to a commit."""

    result: bool
    errorCode: int  # noqa: N815 - scorm-again's name


class SilentLaunchLine(BaseModel):
    """A learner who has opened a lesson's content, which has reported nothing since."""

    user_id: UUID
    name: str | None
    lesson_id: UUID
    lesson_title: str
    opened_at: Moment


silent_launch = renderer(
    SilentLaunchLine,
    user_id="launch.learner_id",
    name="profile.name",
    lesson_id="lesson.id",
    lesson_title="lesson.title",
    opened_at="launch.opened_at",
)


def address_in(package: str, content: PackagedContent) -> str:
    """Return the address of content below that of a package: quoted as RFC 3986 wants it."""
    opened = content.content
    return f"{package}/{quote(opened.path)}{opened.query}{opened.fragment}"


TAKEN: Mapping[str, Any] = {"result": True, "errorCode": 0}
"""The answer to every commit that is stored, and to those that are late or repeated."""
