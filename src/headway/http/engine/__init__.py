"""The HTTP engine: turns a request into a call, and a reply into an HTTP answer. It knows no operation of the API."""
