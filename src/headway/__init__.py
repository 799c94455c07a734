"""Headway: learning progress, lesson completion and course statistics.

`create_app` is the service, `create_router` its API for another FastAPI application, both from `Settings`.
"""

from headway.app import VERSION, create_app, create_router
from headway.settings import Settings

__version__ = VERSION

__all__ = ["Settings", "__version__", "create_app", "create_router"]
