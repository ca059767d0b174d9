"""Where Redis listens, and waiting for it."""
import os
import socket
import time

HOST = "127.0.0.1"
PORT = int(os.environ.get("REDIS_PORT", "7379"))
URL = f"redis://{HOST}:{PORT}/0"


def wait(seconds=30):
    """Return when Redis accepts connections; TimeoutError after so many seconds.

    All children of the project start at once, so Redis may come after us.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((HOST, PORT), timeout=1).close()
            return
        except OSError as err:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"no Redis at {HOST}:{PORT} after {seconds} s ({err}); is it started with the same REDIS_PORT?"
                ) from err
            time.sleep(0.05)
