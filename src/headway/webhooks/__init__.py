"""Sends events to webhooks: signs them, connects to the address that was checked, bounds what comes back."""
