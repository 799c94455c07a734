"""The table of pages, in the order in which one comes upon them."""

from typing import Final

from headway.dashboard import learner
from headway.dashboard.page import Page

PAGES: Final = (
    Page("GET", "", learner.courses),
    Page("GET", "/courses/{course_id}", learner.course),
)
