"""The player of packages, in a real browser: with content that the tests write, and scorm-again as it is."""
