"""What travels, whoever carries it: course documents, lesson progress, files, exports, queries, statistics."""
