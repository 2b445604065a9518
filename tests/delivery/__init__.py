"""The proof of delivery: processes that are killed, mail servers that fail, and a checker."""
