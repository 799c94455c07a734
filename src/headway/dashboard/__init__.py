"""The pages: what people look at, over the same service functions as the API."""

from headway.dashboard.site import Dashboard

__all__ = ["Dashboard"]
