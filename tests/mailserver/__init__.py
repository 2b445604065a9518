"""A mail server of the tests' own: what it accepted is on the disk before it says so.

It runs as a process (``python -m tests.mailserver``) and misbehaves as its script says:
``tests.mailserver.script``. ``tests.mailserver.running`` starts it for a test.
"""
