"""All that a running server has, in one object that the routes are given."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request

from medsegdiff.serve.event_streams import Open
from medsegdiff.serve.file_names import safe_name
from medsegdiff.serve.image_sessions import ImageSessions
from medsegdiff.serve.job_settings import checked_settings
from medsegdiff.serve.jobs import Job, Jobs, delete_folder
from medsegdiff.serve.pool import Pool
from medsegdiff.serve.refusals import Refused
from medsegdiff.serve.sessions import Sessions
from medsegdiff.serve.settings import ServeSettings
from medsegdiff.serve.study import STUDY
from medsegdiff.serve.uploads import Store, Upload, UploadLimits, receive

Adaptation = Callable[[Upload, Path], object]


@dataclass
class Serving:
    """A running server.

    Args:
        settings: of the server.
        sessions: who is known.
        root: private folder (0700) with everything that anybody has uploaded.
        jobs: the book.
        pool: workers and the line before them.
        images: that were sent ahead.
        streams: of events that are open, by session.
        keeping: held while a correction is kept, for two would choose the same name.
    """

    settings: ServeSettings
    sessions: Sessions
    root: Path
    jobs: Jobs
    pool: Pool
    images: ImageSessions
    streams: Open = field(default_factory=Counter)
    keeping: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def prepared(cls, settings: ServeSettings, sessions: Sessions) -> Serving:
        """Make the private folder and all parts; nothing runs yet."""
        root = Path(tempfile.mkdtemp(prefix="medsegdiff-serve-")).resolve()
        jobs = Jobs(root, Store(settings.store_bytes), settings.keep_minutes * 60)
        images = ImageSessions(jobs.store, jobs.keep_seconds)
        return cls(settings, sessions, root, jobs, Pool(settings, jobs, root), images)

    async def stop(self) -> None:
        """End all processes and delete all files."""
        await self.pool.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    async def received(self, request: Request, folder: Path) -> Upload:
        """The form of a request, its files in a folder that exists."""
        limits = UploadLimits(self.settings.upload_bytes, self.settings.upload_files)
        return await receive(request, folder, limits, self.jobs.store)

    async def accepted(
        self, request: Request, session: str, adapted: Adaptation | None = None
    ) -> Job:
        """Take a job from a form with `settings` and either `files` or a `sample`.

        Args:
            request: that brings the form.
            session: whose job it is.
            adapted: makes such a form of another one; given the form and the folder of its files.

        Raises:
            Refused: the upload or the settings cannot be used, or the line is full.
        """
        models = await self.pool.models()
        self.pool.check_room()
        job_id, folder = self.jobs.new_folder()
        upload = None
        try:
            upload = await self.received(request, folder / "upload")
            if adapted is not None:
                adapted(upload, folder / "upload")
            job = self._job(job_id, session, folder, upload, models)
            self.pool.submit(job)
        except BaseException:
            if upload is not None:
                self.jobs.store.give_back(upload.bytes)
            await delete_folder(folder)
            raise
        return job

    def _job(
        self, job_id: str, session: str, folder: Path, upload: Upload, models: list[dict[str, Any]]
    ) -> Job:
        settings = checked_settings(upload.json("settings"), models)
        sample, files = upload.fields.get("sample"), upload.files.get("files", [])
        if (sample is None) == (not files):
            raise Refused(422, "Send either files or a sample.")
        chosen = next(model for model in models if model["id"] == settings["model"])
        titles = {one["id"]: one["title"] for one in chosen["samples"]}
        if sample is not None and sample not in titles:
            raise Refused(422, "This model has no such sample. Choose one of those on the page.")
        study = upload.fields.get("name", "").strip()
        study_name = safe_name(study, STUDY) if study else None
        name = titles[sample] if sample is not None else _spoken(files, study_name)
        order = {
            "id": job_id,
            "folder": str(folder),
            "files": [path.name for path, _ in files],
            "given": [given for _, given in files],
            "name": study_name,
            "sample": sample,
            "settings": settings,
        }
        return Job(job_id, session, name, folder, settings, order, upload.bytes)


def _spoken(files: list[tuple[Path, str]], study: str | None) -> str:
    """What a job is called: its file, or what several are called together, or the first of them."""
    first = files[0][0].name
    if study is not None and len(files) > 1:
        return study
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more"


async def serving(request: Request) -> Serving:
    """The server that a request has come to; no thread is woken for that."""
    return request.app.state.serving
