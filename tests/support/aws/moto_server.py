"""moto as a server on a loopback port: S3, for what the stand-in reads and writes and for uploads of training data.

What moto 5.2.5 makes of Comprehend's training calls: it answers CreateDocumentClassifier, DescribeDocumentClassifier
and the endpoints' calls, but a classifier stays TRAINING for ever, endpoints are IN_SERVICE at once, and the ARNs it
makes up are not of the form that the service model demands (`.../document-classifier/NAME/VERSION` without `version/`,
`.../endpoint/NAME/arn:...`). So the stand-in plays those calls itself: see `training`.
"""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer


@contextmanager
def moto_server() -> Iterator[str]:
    """Runs it; gives its URL. It forgets everything first: moto's state is the process's, not the server's."""
    # A line for each request otherwise.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        with urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")) as answer:  # noqa: S310
            answer.read()
        yield url
    finally:
        server.stop()
