"""The values and rules of learning progress. This code is pure: no I/O, no clock, no framework."""
