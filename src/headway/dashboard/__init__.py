"""The pages for people. They call the same service functions as the API."""

from headway.dashboard.site import Dashboard

__all__ = ["Dashboard"]
