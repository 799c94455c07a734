"""Groups of learners: the operations and their handlers. `formats.groups` has the shapes of the answers."""

from typing import Final

from headway.domain.groups import Group
from headway.domain.identifiers import GroupId
from headway.domain.principal import GROUPS_WRITE
from headway.formats import groups
from headway.formats.groups import GroupDocument, GroupLine, GroupsParameters, parse_group
from headway.formats.queries import parse_query
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import NO_CONTENT, PRIVATE, Reply, json_reply, linked
from headway.http.engine.requests import Call, parse_precondition

GROUPS_TAG: Final = "Education Groups"
TAGS: Final = ({"name": GROUPS_TAG, "description": "Groups of learners: classes and cohorts"},)

GROUP_BODY_BYTES: Final = 4 * 1024 * 1024
"""The names of 10,000 members are at most 255 characters each."""


async def list_groups(call: Call) -> Reply:
    """Answer a page of the groups that the caller may see."""
    asked = parse_query(GroupsParameters, call.query)
    page = await call.services.groups.groups(call.principal, asked.to_query())
    return linked(json_reply(groups.groups(page.lines)), asked.next_page(page.last))


async def get_group(call: Call) -> Reply:
    """Answer a group with its members."""
    return _group(await call.services.groups.group(call.principal, _group_id(call)))


async def put_group(call: Call) -> Reply:
    """Store a group with its members."""
    group_id = _group_id(call)
    document = parse_group(call.body, group_id)
    precondition = parse_precondition(call.headers)
    return _group(
        await call.services.groups.put(call.principal, group_id, document.title, document.members, precondition)
    )


async def remove_group(call: Call) -> Reply:
    """Remove a group."""
    await call.services.groups.remove(call.principal, _group_id(call))
    return NO_CONTENT


async def add_group_member(call: Call) -> Reply:
    """Make a learner a member of a group."""
    await call.services.groups.add_member(call.principal, _group_id(call), call.identifiers[1])
    return NO_CONTENT


async def remove_group_member(call: Call) -> Reply:
    """Take a learner out of a group."""
    await call.services.groups.remove_member(call.principal, _group_id(call), call.identifiers[1])
    return NO_CONTENT


def _group_id(call: Call) -> GroupId:
    return GroupId(call.identifiers[0])


def _group(group: Group) -> Reply:
    """Return a group, with the entity tag of its version."""
    return json_reply(groups.group(group), headers=((b"etag", f'"{group.etag}"'.encode()), PRIVATE))


OPERATIONS: Final = (
    Operation(
        "GET", "/groups", "List Groups",
        "Groups by title, at most 1,000 a page. `Link` has the address of the next page. With the scope "
        "`groups:write` these are all groups, with `statistics:read` those that the token's claim `groups` names, or "
        "all without the claim. Every other token gets the groups that its learner is in.",
        list_groups, GROUPS_TAG, answer=list[GroupLine], query=GroupsParameters, is_paged=True, answers_etag=True,
    ),
    Operation(
        "GET", "/groups/{group_id}", "Get Group",
        "The group with the ids of its members, and its version, which is also its `ETag`. Needs the scope "
        "`groups:write`, or `statistics:read` for a group that the token's claim `groups` does not exclude.",
        get_group, GROUPS_TAG, answer=groups.Group, refusals=(403, 404), answers_etag=True,
    ),
    Operation(
        "PUT", "/groups/{group_id}", "Put Group",
        "Store the group with this title and these members: all of it, or nothing. Needs the scope `groups:write`.",
        put_group, GROUPS_TAG, answer=groups.Group, body=GroupDocument, body_limit=GROUP_BODY_BYTES,
        refusals=(403, 412, 413), conditional=True, answers_etag=True, scope=GROUPS_WRITE,
    ),
    Operation(
        "DELETE", "/groups/{group_id}", "Remove Group",
        "Remove the group. Its members' progress is kept. Needs the scope `groups:write`.",
        remove_group, GROUPS_TAG, refusals=(403, 404), scope=GROUPS_WRITE,
    ),
    Operation(
        "PUT", "/groups/{group_id}/members/{user_id}", "Add Group Member",
        "Make a learner a member of the group, if the learner is not one. Needs the scope `groups:write`.",
        add_group_member, GROUPS_TAG, refusals=(403, 404), scope=GROUPS_WRITE,
    ),
    Operation(
        "DELETE", "/groups/{group_id}/members/{user_id}", "Remove Group Member",
        "Take a learner out of the group, if the learner is a member. Needs the scope `groups:write`.",
        remove_group_member, GROUPS_TAG, refusals=(403, 404), scope=GROUPS_WRITE,
    ),
)  # fmt: skip
