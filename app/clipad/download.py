"""One large file over HTTP: continued where it was left, its progress in the log.

`huggingface_hub` by itself continues a file only while its process lives, and shows how far it is
on a terminal alone. Knows nothing of what is fetched.
"""

import io
import logging
from pathlib import Path

from huggingface_hub import get_token
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get

_LOG = logging.getLogger(__name__)
_STEPS = 10


def download(url: str, size: int, path: Path) -> None:
    """Leave at `path` the file of so many bytes that `url` answers with.

    What an earlier attempt left there is taken for its beginning, unless it has more bytes; one
    that has as many is left as it is, unasked. To be called by one at a time. Raises the hub's
    errors and OSError: what has come by then is kept, if it can be the beginning of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    token = get_token()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with _Told(path, size) as file:
        begun_at = file.tell()
        if begun_at == size:
            return
        try:
            # Without the size: it would keep an answer of another one, a portal's page for
            # instance, as the file's beginning.
            http_get(url, file, resume_size=begun_at, headers=headers)
        except HfHubHTTPError as error:
            if error.response.status_code == 416:  # the server's file ends before ours does
                path.unlink()
            raise
        arrived = file.tell()
    if arrived != size:
        path.unlink()
        raise OSError(f"{url} answered with {arrived} bytes, expected {size}; they are not kept")


class _Told(io.BufferedWriter):
    """A file to be continued that says, ten times on its way, how much of it is there."""

    def __init__(self, path: Path, size: int) -> None:
        file = io.FileIO(path, "a")
        if file.tell() > size:
            file.truncate(0)
            file.seek(0)
        super().__init__(file)
        self._what = path.name
        self._size = size
        self._step = self.tell() * _STEPS // size
        if self.tell():
            self._tell("is there from before")

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """As any file, and a line in the log with every tenth."""
        written = super().write(data)
        step = self.tell() * _STEPS // self._size
        if step != self._step:
            self._step = step
            self._tell("fetched")
        return written

    def _tell(self, how: str) -> None:
        there, size = self.tell() / 1e6, self._size / 1e6
        _LOG.info("%s: %.0f of %.0f MB %s", self._what, there, size, how)
