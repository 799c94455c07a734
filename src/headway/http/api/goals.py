"""The goal that a learner sets for each week: the operations and their handlers."""

from typing import Final

from headway.domain.identifiers import LearnerId
from headway.domain.principal import LEARNERS_ADMIN
from headway.formats import goals
from headway.formats.goals import Goal, GoalParameters, NewGoal
from headway.formats.queries import parse_query
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import NO_CONTENT, Reply, json_reply
from headway.http.engine.requests import SMALL_BODY_BYTES, Call

GOALS_TAG: Final = "Education Goals"
TAGS: Final = ({"name": GOALS_TAG, "description": "The goal that a learner sets for each week, and its streak"},)

_WHO: Final = "Needs the learner's own token, or the scope `learners:admin`."


async def get_goal(call: Call) -> Reply:
    """Answer a learner's goal."""
    first_weekday = parse_query(GoalParameters, call.query).first
    return json_reply(goals.goal(await call.services.goals.goal(call.principal, _learner(call), first_weekday)))


async def put_goal(call: Call) -> Reply:
    """Set a learner's goal."""
    first_weekday = parse_query(GoalParameters, call.query).first
    days_per_week = NewGoal.model_validate_json(call.body).days_per_week
    return json_reply(
        goals.goal(await call.services.goals.put(call.principal, _learner(call), days_per_week, first_weekday))
    )


async def remove_goal(call: Call) -> Reply:
    """Remove a learner's goal."""
    await call.services.goals.remove(call.principal, _learner(call))
    return NO_CONTENT


def _learner(call: Call) -> LearnerId:
    return LearnerId(call.identifiers[0])


OPERATIONS: Final = (
    Operation(
        "GET", "/learners/{user_id}/goal", "Get Goal",
        f"On how many days of a week the learner wants to be active, and how the learner is doing. {_WHO}",
        get_goal, GOALS_TAG, answer=Goal, query=GoalParameters, refusals=(403, 404), scope=LEARNERS_ADMIN,
        waived_for_oneself=True, answers_etag=True,
    ),
    Operation(
        "PUT", "/learners/{user_id}/goal", "Put Goal",
        f"Set the learner's goal, new or in place of the present one. {_WHO}",
        put_goal, GOALS_TAG, answer=Goal, body=NewGoal, query=GoalParameters, body_limit=SMALL_BODY_BYTES,
        refusals=(403, 413), scope=LEARNERS_ADMIN, waived_for_oneself=True,
    ),
    Operation(
        "DELETE", "/learners/{user_id}/goal", "Remove Goal",
        f"Remove the learner's goal, if there is one. {_WHO}",
        remove_goal, GOALS_TAG, refusals=(403,), scope=LEARNERS_ADMIN, waived_for_oneself=True,
    ),
)  # fmt: skip
