"""A few pages over HTTP on a loopback address, from a thread of their own: whoever reads them holds up nothing else."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, NamedTuple

from campaigns.errors import SettingsError

_AT_ONCE = 4  # requests; more are hung up on
_PATIENCE = 5.0  # seconds that a reader may let us wait


class Page(NamedTuple):
    status: int
    content_type: str
    body: bytes


class Pages:
    """Serves `pages`, by path, at `listen` (a literal loopback address and a port) until it is closed; SettingsError."""

    def __init__(self, listen: str, pages: Mapping[str, Callable[[], Page]]) -> None:
        host, _, port = listen.rpartition(":")
        try:
            self._server = _Server(host.strip("[]"), int(port), pages)
        except OSError as error:
            raise SettingsError(
                f"Nothing can listen at {listen}: {error.strerror}.",
                remedy="Choose a free port for `listen` under [metrics]; each workspace needs its own.",
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="pages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False  # a slow reader does not hold up the worker's end

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        self.pages = pages
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        if ipaddress.ip_address(host).version == 6:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's own question to the DNS, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server: _Server
    server_version = "mergecast"
    sys_version = ""

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        status, content_type, body = page() if page else Page(404, "text/plain", b"There is nothing here.\n")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own name
        """The journal is for what the worker does."""
