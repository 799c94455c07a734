"""How a request becomes a call, and a reply an answer: nothing here knows what is asked for."""
