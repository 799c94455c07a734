"""Headway: learning progress, lesson completion and course statistics.

`create_app` is the service, `create_router` its API for another FastAPI application, both from `Settings`.
`headway.client` is the client of a service. So the service is imported only where one of its names is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headway.app import create_app, create_router
    from headway.settings import Settings

    __version__: str

__all__ = ["Settings", "__version__", "create_app", "create_router"]

_HOMES: Final = {
    "Settings": ("headway.settings", "Settings"),
    "__version__": ("headway.app", "VERSION"),
    "create_app": ("headway.app", "create_app"),
    "create_router": ("headway.app", "create_router"),
}


def __getattr__(name: str) -> Any:
    """Import a name of the service when it is used first. Raises `AttributeError`."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
