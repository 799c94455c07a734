"""One of the two clients. `blocking/` is made from `aio/`, by `make client`."""
