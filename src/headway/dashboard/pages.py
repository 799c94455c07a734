"""The table of pages, in the order in which one comes upon them."""

from typing import Final

from headway.dashboard import authoring, learner
from headway.dashboard.page import Page

PAGES: Final = (
    Page("GET", "", learner.courses),
    Page("GET", "/authoring", authoring.courses),
    Page("GET", "/authoring/new", authoring.new_course),
    Page("GET", "/authoring/{course_id}", authoring.course),
)
