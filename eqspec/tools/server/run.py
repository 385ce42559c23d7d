"""`eqspec lsp`: a server on standard input and output, until the editor says goodbye."""

from __future__ import annotations

import logging
import sys

from eqspec.tools.server.changing import changing
from eqspec.tools.server.reading import reading
from eqspec.tools.server.server import Server, documents


def make_server() -> Server:
    """A server with all features; it shares no state with others."""
    server = Server()
    documents(server)
    reading(server)
    changing(server)
    return server


def run_server() -> int:
    """Serve one editor."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)  # standard output is the wire
    make_server().start_io()
    return 0
