"""The HTTP front end: `engine` reads requests and sends answers, `api` is what Headway answers by it."""
