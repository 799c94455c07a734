"""A page of a player, in a browser: it has the client of one learner, and reports a lesson."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, Page

from client.between import Between
from support.running import Running, course, eventually, lesson, token

_START: Final = """async ({ baseUrl, token, course, lessons, options }) => {
    const { createClient } = await import("/client/headway-client.js");
    Object.assign(window, { token, problems: [], refusedTokens: [] });
    window.getToken ??= () => window.token;
    window.client = createClient({
        baseUrl,
        getToken: (refused) => {
            if (refused) refusedTokens.push(refused);
            return window.getToken(refused);
        },
        onProblem: (problem) => problems.push(problem),
        ...options,
    });
    window.lessons = lessons.map((one) => client.lesson(course, one));
    [window.lesson] = window.lessons;
}"""


class Player:
    """A page with a client: `client`, `lesson` (the first one), `lessons`, `problems` and `token` are its globals."""

    def __init__(self, page: Page, proxy: Between, school: "School", learner: str, **options: Any) -> None:
        self.page = page
        self.proxy, self._school, self._options = proxy, school, options
        self.learner = learner
        page.goto(f"{proxy.url}/player")
        self.start()

    def start(self) -> None:
        """Make the client, as a page does when it is loaded. `getToken` stays as a test has set it."""
        self.page.evaluate(
            _START,
            {
                "baseUrl": self.proxy.api,
                "token": token(self.learner),
                "course": self._school.course_id,
                "lessons": self._school.lesson_ids,
                "options": self._options,
            },
        )

    def reload(self) -> None:
        """Load the page again."""
        self.page.reload()
        self.start()

    def run(self, script: str, given: Any = None) -> Any:
        """Run the body of an async function and return what it returns. `given` is its argument."""
        return self.page.evaluate(f"async (given) => {{ {script} }}", given)

    def report(self, *fields: dict[str, Any]) -> None:
        """Report fields one after the other, and wait until they are safe on the device."""
        self.run("for (const fields of given) await lesson.report(fields);", list(fields))

    def pending(self) -> int:
        """Return how many writes wait."""
        count: int = self.run("return client.pending();")
        return count

    def problems(self) -> list[dict[str, Any]]:
        """Return what the client said of problems. Errors are told by their code."""
        found: list[dict[str, Any]] = self.run("return problems.map(({ error, ...rest }) => ({...rest, ...error}));")
        return found

    def wait_until_sent(self) -> None:
        """Wait until no write waits any more."""
        eventually(lambda: self.pending() == 0, 30)


class School:
    """A course of the test's own, and what is stored of a learner in it."""

    def __init__(self, running: Running, *lessons: dict[str, Any]) -> None:
        self.running = running
        document = course(*(lessons or (lesson(), lesson(), lesson())))
        self.course_id = running.put_course(document)
        self.lesson_ids = [one["id"] for one in document["lessons"]]
        self.learner = str(uuid4())

    def path(self, index: int = 0) -> str:
        """Return the path of a lesson's progress."""
        return f"/progress/{self.course_id}/lessons/{self.lesson_ids[index]}"

    def stored(self, index: int = 0, learner: str | None = None) -> dict[str, Any] | None:
        """Return the stored lesson progress; `None`: there is none."""
        with self.running.client(learner or self.learner) as reader:
            answer = reader.get(self.path(index))
        return None if answer.status_code == 404 else answer.json()


@contextmanager
def device(browser: Browser, **options: Any) -> Iterator[BrowserContext]:
    """Yield a device: a browser with a disk of its own."""
    context = browser.new_context(**options)
    try:
        yield context
    finally:
        context.close()
