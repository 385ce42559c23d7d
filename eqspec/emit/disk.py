"""A folder held open and locked: what is done in it is done there, whatever becomes of its name.

In: the path of a folder. Out: a `Folder` that reads, creates, replaces and removes plain names in it.
Every call goes through the open folder where the system can do that (`openat` and its kin), and no
link is followed, so exchanging the folder or a file for a link between two steps leads nowhere. The
lock is on the folder itself: nothing to clean up, and the system lets go of it when a process dies.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10.0  # seconds to wait for another eqspec that writes in the folder
LARGEST = 1 << 26  # bytes of a file that is looked at
_RELATIVE = {os.open, os.stat, os.unlink, os.rename} <= os.supports_dir_fd
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # a pipe in the place of a file is not waited for


class Busy(OSError):  # noqa: N818  (says how the folder is)
    """Another process writes in the folder and does not stop."""

    def __init__(self) -> None:
        super().__init__(errno.EAGAIN, "another eqspec is writing in this folder")


class NotPlain(OSError):  # noqa: N818  (says what the file is)
    """What stands there is a link, a folder, a device, or too large to be ours."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EINVAL, what)


@dataclass(frozen=True)
class Folder:
    """``handle`` is None where the system has no calls relative to an open folder."""

    path: Path
    handle: int | None

    def read(self, name: str) -> bytes | None:
        """The content of a plain file, None if there is nothing."""
        try:
            file = os.open(
                self._of(name), os.O_RDONLY | _NO_LINK | _AT_ONCE | _BINARY, dir_fd=self.handle
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR):
                raise NotPlain("it is no regular file") from error
            raise
        with open(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise NotPlain("it is no regular file")
            data = opened.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise NotPlain("it is larger than any file of eqspec")
        return data

    def create(self, name: str, data: bytes, like: str | None = None) -> None:
        """A new file, on the disk when this returns, with the rights of the file ``like``."""
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NO_LINK | _BINARY
        file = os.open(self._of(name), flags, 0o666, dir_fd=self.handle)
        try:
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(file, rest) :]
                place = None if like is None else self._look(like)
                if place is not None and stat.S_ISREG(place.st_mode) and hasattr(os, "fchmod"):
                    with suppress(OSError):
                        os.fchmod(file, stat.S_IMODE(place.st_mode) & 0o777)
                os.fsync(file)
            finally:
                os.close(file)
        except BaseException:
            self.remove(name)
            raise

    def replace(self, name: str, target: str) -> None:
        """Give a file another name, in one step; a link there is replaced, not followed."""
        os.replace(self._of(name), self._of(target), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def remove(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(self._of(name), dir_fd=self.handle)

    def owned(self, name: str) -> bool:
        """Is this a plain file of the user who runs eqspec? Elsewhere than on Unix: a plain file."""
        place = self._look(name)
        if place is None or not stat.S_ISREG(place.st_mode):
            return False
        return not hasattr(os, "geteuid") or place.st_uid == os.geteuid()

    def names(self) -> list[str]:
        return sorted(os.listdir(self.path if self.handle is None else self.handle))

    def settle(self) -> None:
        """Names are on the disk as well, where the system can promise that."""
        if self.handle is not None:
            with suppress(OSError):
                os.fsync(self.handle)

    def _look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(self._of(name), dir_fd=self.handle, follow_symlinks=False)
        except OSError:
            return None

    def _of(self, name: str) -> str | Path:
        return self.path / name if self.handle is None else name


@contextmanager
def opened(path: Path, patience: float = PATIENCE) -> Iterator[Folder]:
    """The folder, held and locked. `Busy` if another process does not let go of it."""
    if not _RELATIVE:
        yield Folder(path, None)
        return
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        _lock(handle, patience)
        yield Folder(path, handle)
    finally:
        os.close(handle)


def _lock(handle: int, patience: float) -> None:
    import fcntl  # every system with calls relative to a folder has it

    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > end:
                raise Busy() from None
            time.sleep(0.01)
        except OSError:
            return  # a file system without locks
