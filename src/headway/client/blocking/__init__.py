# Made by `make client` from the module of the same name in `aio/`: do not edit.
"""One of the two clients. `blocking/` is made from `aio/`, by `make client`."""
