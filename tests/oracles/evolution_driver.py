"""Run by the system's Python inside dbus-run-session: subscribes as Evolution does, and tells.

Reads one word a line: ``refresh`` asks the server for news, ``show`` prints what the calendar shows
as one line of JSON.
"""

import json
import sys
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import gi

gi.require_version("EDataServer", "1.2")
gi.require_version("ECal", "2.0")
gi.require_version("ICalGLib", "3.0")
from gi.repository import ECal, EDataServer, GLib, ICalGLib  # noqa: E402

AT_ONCE = 0xFFFFFFFF  # not waiting until the first fetch is over


def subscribe(url: str) -> ECal.Client:
    """Add a calendar on the web, as the dialogue of Evolution does, and open it."""
    parts = urlsplit(url)
    registry = EDataServer.SourceRegistry.new_sync(None)
    source = EDataServer.Source.new_with_uid("oracle", None)
    source.set_parent("webcal-stub")
    source.set_display_name("oracle")
    source.get_extension("Calendar").set_backend_name("webcal")
    access = source.get_extension("Authentication")
    access.set_host(parts.hostname)
    access.set_port(parts.port)
    access.set_method("none")
    source.get_extension("WebDAV Backend").set_resource_path(parts.path)
    source.get_extension("Security").set_method("none")
    registry.commit_source_sync(source, None)
    return ECal.Client.connect_sync(source, ECal.ClientSourceType.EVENTS, AT_ONCE, None)


def shown(client: ECal.Client) -> dict[str, list[str]]:
    """Return the events that the calendar holds."""
    _, components = client.get_object_list_as_comps_sync("#t", None)
    found = {}
    for one in (component.get_icalcomponent() for component in components):
        status = one.get_first_property(ICalGLib.PropertyKind.STATUS_PROPERTY)
        found[one.get_uid()] = [
            one.get_summary(),
            one.get_description(),
            one.get_dtstart().as_ical_string(),
            one.get_dtend().as_ical_string(),
            status.get_value_as_string(),
        ]
    return found


def refresh(client: ECal.Client) -> None:
    """Look for news; what goes wrong shows in what the calendar then shows."""
    with suppress(GLib.Error):
        client.refresh_sync(None)


calendar = subscribe(sys.argv[1])
for line in sys.stdin:
    if line.strip() == "refresh":
        # Not waiting: after a failure it first connects anew, and that may take as long as it takes.
        threading.Thread(target=refresh, args=(calendar,), daemon=True).start()
        print("true", flush=True)
    else:
        print(json.dumps(shown(calendar)), flush=True)
