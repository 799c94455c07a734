"""Keeps what is imported so far from the garbage collector, in the process that the tests fork all programs from.

A collection in a fork would otherwise write to each of these objects, and so copy most of the memory of its parent.
"""

import gc

gc.collect()
gc.freeze()
