"""By which way mail leaves, as the settings say, under which name this process claims it, and where
it writes down what it hands over."""

from __future__ import annotations

import os
import secrets
import socket
from typing import Literal, cast

from config.settings import Settings
from notifications.desk import Desk
from notifications.journal import FOLDER as JOURNAL
from notifications.journal import Journal
from notifications.maildir import Maildir
from notifications.transport import Transport

FOLDER = "mail"


def transport(settings: Settings) -> Transport:
    """Return the mail server of the settings, or a Maildir in the data folder without one."""
    if settings.smtp_host is None:
        return Maildir(settings.data / FOLDER)
    from notifications.smtp import Relay  # aiosmtplib takes a while to import

    return Relay(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=cast(Literal["none", "starttls", "tls"], settings.smtp_tls),
        sender=settings.mail_from,
        user=settings.smtp_user,
        password=settings.smtp_password,
        timeout=float(settings.smtp_timeout),
    )


def desk(settings: Settings, owner: str) -> Desk:
    """Return the desk of a process, with its journal in the data folder."""
    return Desk(Journal(settings.data / JOURNAL, owner))


def owner() -> str:
    """Return a name for this process that no other start of it, here or elsewhere, has."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
