"""The HTTP front end: parse, call the service, render. The route table reads as the API's index."""
