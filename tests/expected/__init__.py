"""Dates, parties and clauses as read from the texts by hand, and the runner that compares them."""
