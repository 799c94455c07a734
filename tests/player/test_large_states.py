"""States of the largest size, which browsers do not send from a page that is left."""

from playwright.sync_api import Browser

from headway.domain.scorm import SUSPEND_DATA_CHARACTERS
from player.content import ON_ITS_OWN_ORIGIN, Course
from support.browser import visiting
from support.running import Running, eventually

_LARGE = "é" * SUSPEND_DATA_CHARACTERS  # 128,000 bytes; a browser sends 64 KiB from a page that is left


def test_a_large_state_is_stored_while_the_page_is_open(running: Running, browser: Browser, course: Course) -> None:
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        assert played.do(("SetValue", "cmi.suspend_data", _LARGE)) == ["true"]
        eventually(lambda: bool(played.page.evaluate("() => true")) and course.cmi().get("suspend_data") == _LARGE)


@ON_ITS_OWN_ORIGIN
def test_a_large_state_of_a_tab_that_is_closed_is_sent_when_the_next_is_opened(
    running: Running, browser: Browser, course: Course
) -> None:
    with visiting(browser, running, course.learner) as context:
        played = course.open(context)
        played.do(("SetValue", "cmi.suspend_data", _LARGE), ("SetValue", "cmi.completion_status", "completed"))
        played.page.close(run_before_unload=True)
        assert course.open(context).get("suspend_data") == [_LARGE]
    assert course.progress()["status"] == "completed"
