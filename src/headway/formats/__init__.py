"""Formats of data in and out: course documents, lesson progress, files, exports, queries, statistics."""
