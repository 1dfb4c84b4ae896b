"""A local web server, and a temporary cache instead of the user's."""

import functools
import http.server
import threading

import pooch
import pytest


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder without logging; announce more bytes of "cut" than are sent."""

    def log_message(self, format, *args):
        pass

    def send_header(self, keyword, value):
        if keyword == "Content-Length" and "cut" in self.path:
            value = str(int(value) + 100)
        super().send_header(keyword, value)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return an empty cache; neither SKSPEKTRON_DATA nor a proxy is set."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder)
    monkeypatch.delenv("SKSPEKTRON_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


@pytest.fixture
def site(tmp_path):
    """Return a folder and the URL at which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = functools.partial(_Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
