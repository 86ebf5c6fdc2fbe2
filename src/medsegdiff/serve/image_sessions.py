"""Images that a client has sent ahead, to be asked about one or more times."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from medsegdiff.serve.jobs import delete_folder
from medsegdiff.serve.refusals import Refused, not_found
from medsegdiff.serve.study import link
from medsegdiff.serve.uploads import Store, Upload

MOST = 64  # at once


@dataclass
class ImageSession:
    """One study that was sent.

    Args:
        id: 128 random bits, hex.
        owner: who has sent it.
        name: by which its owner may ask for it, too; None without one.
        upload: its files.
        created: seconds since 1970.
    """

    id: str
    owner: str
    name: str | None
    upload: Upload
    created: float = field(default_factory=time.time)


class ImageSessions:
    """The book of them; each is deleted after a while, and all when the server ends.

    Args:
        store: that the bytes of uploads are taken from.
        keep_seconds: after which one is deleted.
    """

    def __init__(self, store: Store, keep_seconds: float) -> None:
        self.store, self.keep_seconds = store, keep_seconds
        self._known: dict[str, ImageSession] = {}
        self._deletions: set[asyncio.Task[None]] = set()

    def check_room(self) -> None:
        """See whether one more is taken.

        Raises:
            Refused: 429, there are too many.
        """
        if len(self._known) >= MOST:
            raise Refused(
                429,
                "Too many images are waiting to be asked about. Delete some, or try again later.",
                {"Retry-After": "60"},
            )

    def add(self, owner: str, upload: Upload, name: str | None = None) -> ImageSession:
        """Remember an upload."""
        self.check_room()
        session = ImageSession(secrets.token_hex(16), owner, name, upload)
        self._known[session.id] = session
        loop = asyncio.get_running_loop()
        loop.call_later(self.keep_seconds, self._expire, session)
        return session

    def find(self, owner: str, given: str) -> ImageSession:
        """An owner's own session, by its id, or the newest of a name.

        Raises:
            Refused: 404, there is none.
        """
        found = self._known.get(given)
        named = [one for one in self._known.values() if one.name == given and one.owner == owner]
        if found is not None and found.owner == owner:
            return found
        if not named:
            raise not_found()
        return named[-1]

    async def delete(self, session: ImageSession) -> None:
        """Forget a session, and delete its files."""
        if self._known.pop(session.id, None) is not None:
            self.store.give_back(session.upload.bytes)
            await delete_folder(session.upload.folder)

    def _expire(self, session: ImageSession) -> None:
        task = asyncio.ensure_future(self.delete(session))
        self._deletions.add(task)  # else it might be collected before it ends
        task.add_done_callback(self._deletions.discard)


def linked(upload: Upload, folder: Path) -> list[tuple[Path, str]]:
    """The files of an upload once more in another folder, in order, with the names as given."""
    found = []
    for files in upload.files.values():
        for path, given in files:
            target = folder / path.name
            link(path, target)
            found.append((target, given))
    return found
