"""Launches of lessons' content: their operations and handlers, and what scorm-again sends and gets."""

from asyncio import to_thread
from functools import partial
from typing import Any, Final

from headway.domain.identifiers import CourseId, LearnerId, LessonId
from headway.domain.launches import Launch
from headway.domain.principal import LEARNERS_ADMIN, STATISTICS_READ, Principal
from headway.formats.launches import (
    TAKEN,
    CommitParameters,
    CommitResult,
    LaunchDocument,
    OpenLaunchParameters,
    SilentLaunchLine,
    address_in,
    silent_launch,
)
from headway.formats.queries import parse_query
from headway.formats.roster_query import GroupParameters
from headway.formats.scorm_commits import SentCommit, parse_commit
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import Reply, json_reply
from headway.http.engine.requests import Call, Player, PlayerOffError

CONTENT_TAG: Final = "Education Content"
TAGS: Final = (
    {"name": CONTENT_TAG, "description": "SCORM content: opened for a learner, resumed, and counted in the progress"},
)
COMMIT_BODY_BYTES: Final = 1024 * 1024
"""The largest commit: 64,000 characters of suspend data, and thousands of interactions."""

_LONG_BYTES: Final = 16 * 1024
"""A longer commit is read in a thread, because that takes more than a millisecond."""

_NOT_KEPT: Final = (b"cache-control", b"no-store")


async def open_launch(call: Call) -> Reply:
    """Open a lesson's content for the caller."""
    return await _opened(call, call.principal, *call.identifiers)


async def open_learner_launch(call: Call) -> Reply:
    """Open a lesson's content for a learner."""
    learner_id, *lesson = call.identifiers
    return await _opened(call, call.principal.on_behalf_of(LearnerId(learner_id)), *lesson)


async def get_launch(call: Call) -> Reply:
    """Answer what a player needs to play a launch."""
    player = _player(call)
    return json_reply(await _document(call, player, _launch(call)), headers=(_NOT_KEPT,))


async def commit(call: Call) -> Reply:
    """Take what the content of a launch reports."""
    launch = _launch(call)
    is_long = len(call.body) > _LONG_BYTES
    read = partial(parse_commit, call.body, launch.scorm)
    said = await to_thread(read) if is_long else read()
    if call.query and parse_query(CommitParameters, call.query).terminate:
        said = said._replace(is_end=True)
    await call.services.launches.commit(launch, said)
    return json_reply(TAKEN, headers=(_NOT_KEPT,))


async def list_silent_launches(call: Call) -> Reply:
    """Answer who has opened content that has reported nothing."""
    group_id = parse_query(GroupParameters, call.query).group_id
    found = await call.services.launches.silent(call.principal, call.course_id, group_id)
    return json_reply(list(map(silent_launch, found)))


async def _opened(call: Call, principal: Principal, course_id: str, lesson_id: str) -> Reply:
    player, asked = _player(call), parse_query(OpenLaunchParameters, call.query)
    lesson = CourseId(course_id), LessonId(lesson_id)
    launch = await call.services.launches.open(principal, *lesson, asked.scorm)
    return json_reply(await _document(call, player, launch), 201, headers=(_NOT_KEPT,))


def _launch(call: Call) -> Launch:
    return _player(call).tokens.launch_in(call.identifiers[0])


def _player(call: Call) -> Player:
    """Return the player. Raises `PlayerOffError`."""
    if call.player is None:
        raise PlayerOffError
    return call.player


async def _document(call: Call, player: Player, launch: Launch) -> dict[str, Any]:
    playing = await call.services.launches.playing(launch)
    token, content = player.tokens.of_launch(launch), playing.content if player.shows_content else None
    return {
        "launch": token,
        "expires_at": launch.expires_at,
        "course_id": launch.course_id,
        "lesson_id": launch.lesson_id,
        "title": playing.lesson.title,
        "scorm": launch.scorm,
        "is_sco": content and content.content.is_sco,
        "commit_url": player.commit_address(token),
        "content_url": content and address_in(player.files_address(content.package), content),
        "play_url": content and player.page_address(token),
        "cmi": playing.cmi,
    }


OPERATIONS: Final = (
    Operation(
        "POST", "/progress/{course_id}/lessons/{lesson_id}/launches", "Open Content",
        "Open a lesson's content for the caller. The answer has what a player needs: the state in which the learner "
        "left the content, and the address for its commits, which is valid for this launch alone. Each loading of a "
        "player page needs a launch of its own.",
        open_launch, CONTENT_TAG, answer=LaunchDocument, query=OpenLaunchParameters, refusals=(403, 404, 409),
        status=201,
    ),
    Operation(
        "POST", "/learners/{user_id}/progress/{course_id}/lessons/{lesson_id}/launches", "Open Content for Learner",
        "The same for any learner. Needs the scope `learners:admin`.",
        open_learner_launch, CONTENT_TAG, answer=LaunchDocument, query=OpenLaunchParameters,
        refusals=(403, 404, 409), status=201, scope=LEARNERS_ADMIN,
    ),
    Operation(
        "GET", "/launches/{launch}", "Get Launch",
        "The launch again, with the state as it is now. The token in the path is all that it needs.",
        get_launch, CONTENT_TAG, answer=LaunchDocument, refusals=(404,), is_public=True,
        is_of_any_origin=True,
    ),
    Operation(
        "POST", "/launches/{launch}/commits", "Commit",
        "Take what scorm-again sends: `dataCommitFormat` `json` or `flattened`, with or without "
        "`renderCommonCommitFields`, as JSON or as the `text/plain` beacon of a page that is left. A commit that is "
        "late or repeated (`includeCommitSequence`) is answered in the same way, and changes nothing.",
        commit, CONTENT_TAG, answer=CommitResult, query=CommitParameters, body=SentCommit, body_limit=COMMIT_BODY_BYTES,
        refusals=(403, 404, 409, 413), is_public=True, is_of_any_origin=True,
    ),
    Operation(
        "GET", "/statistics/{course_id}/silent-launches", "List Silent Launches",
        "The learners who have opened a lesson's content, from which nothing has come for five minutes since; at most "
        "1,000, the newest first. Needs the scope `statistics:read`.",
        list_silent_launches, CONTENT_TAG, answer=list[SilentLaunchLine], query=GroupParameters, refusals=(403, 404),
        answers_etag=True, scope=STATISTICS_READ,
    ),
)  # fmt: skip
