"""The table of pages. A request goes to the first entry whose path matches."""

from typing import Final

from headway.dashboard import authoring, learner, statistics
from headway.dashboard.page import Page

PAGES: Final = (
    Page("", learner.courses),
    Page("/courses/{course_id}", learner.course),
    Page("/statistics", statistics.courses),
    Page("/statistics/{course_id}", statistics.course, writes_query=True),
    Page("/statistics/{course_id}/learners/{user_id}", statistics.learner),
    Page("/authoring", authoring.courses),
    Page("/authoring/new", authoring.new_course),
    Page("/authoring/{course_id}", authoring.course),
)
