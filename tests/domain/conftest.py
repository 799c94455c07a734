"""Settings of the property tests."""

from hypothesis import settings

# How long one example takes says nothing on a machine that runs other tests beside it.
settings.register_profile("unhurried", max_examples=75, deadline=None)
settings.load_profile("unhurried")
