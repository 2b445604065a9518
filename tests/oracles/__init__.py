"""Calendar programs that nobody here wrote, reading our feeds."""
