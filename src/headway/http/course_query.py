"""The query of a course that is put."""

from typing import Annotated

from pydantic import BaseModel, Field

from headway.http.statistics_query import Flag


class PutCourseParameters(BaseModel):
    """Whether to put the course, or only to tell what that would do."""

    dry_run: Annotated[
        Flag, Field(description="Store nothing; tell also how many learners would gain or lose the completion.")
    ] = False
