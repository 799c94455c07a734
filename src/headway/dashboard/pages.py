"""The table of pages, in the order in which one comes upon them."""

from typing import Final

from headway.dashboard import authoring, learner, statistics
from headway.dashboard.page import Page

PAGES: Final = (
    Page("GET", "", learner.courses),
    Page("GET", "/courses/{course_id}", learner.course),
    Page("GET", "/statistics", statistics.courses),
    Page("GET", "/statistics/{course_id}", statistics.course),
    Page("GET", "/statistics/{course_id}/learners/{user_id}", statistics.learner),
    Page("GET", "/authoring", authoring.courses),
    Page("GET", "/authoring/new", authoring.new_course),
    Page("GET", "/authoring/{course_id}", authoring.course),
)
