"""Packages: their import."""

from asyncio import to_thread
from typing import Final

from headway.domain.identifiers import CourseId
from headway.domain.principal import COURSES_WRITE
from headway.formats.package_file import PACKAGE_MEDIA_TYPES, read_package
from headway.formats.packages import PackageParameters, PackageReport, package_report
from headway.formats.queries import parse_query
from headway.http.engine.endpoint import Operation
from headway.http.engine.replies import Reply, json_reply
from headway.http.engine.requests import Call

PACKAGES_TAG: Final = "Education Packages"
TAGS: Final = ({"name": PACKAGES_TAG, "description": "SCORM packages that become courses"},)


async def import_package(call: Call) -> Reply:
    """Store a SCORM package and its course, or answer what that would change (a dry run)."""
    asked = parse_query(PackageParameters, call.query)
    packages = call.services.packages
    packages.check_on()
    course_id = CourseId(str(asked.course_id)) if asked.course_id else None
    spool = await to_thread(packages.spool)
    async with call.received(packages.largest_bytes, spool) as file, packages.turn():
        package, content = await to_thread(read_package, file, lambda _: None)
        imported = await packages.import_package(call.principal, package, content, course_id, dry_run=asked.dry_run)
    return json_reply(package_report(imported))


OPERATIONS: Final = (
    Operation(
        "POST", "/packages", "Import Package",
        "Import a SCORM package (1.2 or 2004) as a course. A new version of a package replaces its course, and "
        "progress is kept by the identifiers of the package's items. Nothing is stored where something in the package "
        "is not right. Needs the scope `courses:write`.",
        import_package, PACKAGES_TAG, answer=PackageReport, query=PackageParameters,
        refusals=(403, 404, 412, 413, 415), media_types=PACKAGE_MEDIA_TYPES, is_upload=True, scope=COURSES_WRITE,
    ),
)  # fmt: skip
