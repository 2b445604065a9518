"""Every date of the five documents to the end of 2030, so that a change of meaning is a diff.

After a change that is meant: ``.venv/bin/python -m tests.snapshots``, then read the diff.
"""
