from messaging.observability import logger
import sys, os, logging, pytest
@pytest.fixture
def w(capsys, monkeypatch):
    h = logger.registered_handler
    os.write(2, repr(["fixture", id(h.stream), id(sys.stdout), sys.stdout.closed]).encode())
    monkeypatch.setattr(h, "stream", sys.stdout)
    os.write(2, repr(["fixture", id(h.stream), id(sys.stdout), sys.stdout.closed]).encode())
def test_x(w):
    h = logger.logger_handler
    os.write(2, repr([ id(h.stream), h.stream.closed, id(sys.stdout)]).encode())
