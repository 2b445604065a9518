"""The line to a client: uvicorn's faster reader of HTTP, with an end to what it keeps in memory."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 64 << 10  # octets before a request's body; as uvicorn's other reader has it


class Line(HttpToolsProtocol):
    """One connection. A request whose head does not end is refused, or it would fill the memory."""

    _head = 0

    def data_received(self, data: bytes) -> None:
        """Read on; refuse a head that is too long."""
        self._head += len(data)
        super().data_received(data)
        if self._head > HEAD and not self.transport.is_closing():
            self.send_400_response("Too much before the body.")

    def on_headers_complete(self) -> None:
        """Begin to count anew after a head."""
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count no body: who takes it decides how much it may be."""
        self._head = 0
        super().on_body(body)
