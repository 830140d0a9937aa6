"""What an app opens: sync, search, look after a library, all on one object."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from indexer.catalog import queries, sources
from indexer.catalog.filters import Filter
from indexer.catalog.queries import Failure
from indexer.config import Settings
from indexer.encoders import check_name
from indexer.encoders.base import Encoder, Precision
from indexer.errors import LibraryError, SourceError
from indexer.store import Store
from indexer.types import ProgressCallback
from retrieval.calibration import Calibrator
from retrieval.encoder import LibraryEncoder
from retrieval.hits import Hits
from retrieval.paging import Sort, check_page, turn_to
from retrieval.query import Query, as_picture, as_query
from retrieval.query_vectors import encode_query, own_embedding, stored_vector
from retrieval.rerank import Chain, Reranker, rerankers
from retrieval.search import Among, Question, check_count, search
from retrieval.status import Status, read_status
from retrieval.where import narrowed, resolved

if TYPE_CHECKING:
    from PIL import Image

    from indexer.check import Problem
    from indexer.report import Report
    from indexer.transfer import Form
    from indexer.transfer.incoming import ImportReport
    from indexer.transfer.report import ExportReport
    from retrieval.duplicates.groups import Duplicates
    from retrieval.evaluate import Evaluation
    from retrieval.explain import Explanation
    from retrieval.query import Picture

logger = logging.getLogger(__name__)


class Library:
    """A folder `NAME.recall` that knows what is to be seen in photos, which stay where they are.

    Use it in a `with` statement. One process at a time may write (`sync`, `forget`, `check` with repair); any number
    may search meanwhile, and searches may run in several threads.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        encoder: str | Encoder | None = None,
        precision: Precision | None = None,
    ) -> None:
        """Open the library that the settings name; see `Library.open`.

        Args:
            settings: Where the library is and how it works; its encoder is for a new library.
            create: Whether to make the library where there is none.
            encoder: The encoder that the library must have, by name or as an object.
            precision: That of the encoder that it must have by name, whichever that is.
        """
        if isinstance(encoder, str):
            check_name(encoder)  # before a library is made for it
        self._settings = settings
        self._reranker: dict[str, Reranker] = {}
        self._store = Store(settings.library, create=create)
        try:
            self._encoder = LibraryEncoder(self._store, settings, asked=encoder, precision=precision)
        except BaseException:  # whatever it is, also Ctrl-C: nobody else has the store yet, to close it
            self._store.close()
            raise
        self._calibrator = Calibrator(self._store, self._encoder.for_query)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        encoder: str | Encoder | None = None,
        device: str | None = None,
        create: bool = True,
    ) -> Self:
        """Return the library in a folder, made on first use.

        Args:
            path: The library's folder, for instance "photos.recall".
            encoder: Name of the encoder of a new library, or an encoder of your own; None takes the library's, and
                "compact" for a new one.
            device: "auto", "cpu", "cuda", "cuda:N" or "mps"; None takes RECALL_DEVICE, or "auto".
            create: Whether to make the library where there is none.

        Raises:
            LibraryError: The folder is missing, is no library, or is of a newer version.
            StorageError: It cannot be read or made.
            EncoderMismatchError: The library was indexed with another encoder.
            EncoderNotFoundError: No encoder has such a name.
        """
        return cls(Settings.load(library=Path(path), device=device), create=create, encoder=encoder)

    def close(self) -> None:
        """Close the library's files."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The library's folder."""
        return self._store.path

    @property
    def encoder(self) -> Encoder:
        """The library's encoder on the device of the settings, loaded when it is first needed, which can take seconds.

        Raises:
            EncoderNotFoundError: It is not on this machine and cannot be downloaded.
        """
        return self._encoder.by_settings()

    def sync(
        self,
        *paths: str | os.PathLike[str],
        exclude: Sequence[str] | None = None,
        include_hidden: bool | None = None,
        text_columns: Sequence[str] = (),
        image_column: str | None = None,
        id_column: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Report:
        """Bring the library in step with folders, files and tables, and return what was done.

        In a folder photos and texts (.txt, .md) are found; a table (.csv, .jsonl, .parquet) is indexed when it is named
        itself, each row as one item.

        New and changed photos are encoded, moved ones keep their embeddings, deleted ones leave the answers. A run
        that is stopped goes on where it was with the next one. A file that cannot be read is recorded with its
        reason, and stops nothing.

        Args:
            *paths: Folders and files; none means everything that was indexed before.
            exclude: Patterns such as "*.png" or "2019/*" for names and paths below the folder to leave out; they are
                remembered. None keeps what the folder had before.
            include_hidden: Whether to walk names that begin with a dot, remembered too.
            text_columns: Of a table the columns with text; they are remembered, as the two that follow.
            image_column: Of a table the column with paths of pictures, which have to lie in the table's folder.
            id_column: Of a table the column that tells rows apart, also when they move; None takes a row's number.
            progress: Called with how far it has come.

        Raises:
            SourceError: A path is missing or cannot be read; the others were synced first.
            NoPhotosError: A path holds no readable photo or text; nothing known was removed, and the others were
                synced first.
            MissingPackageError: A table is Parquet, and pyarrow is not installed.
            LibraryLockedError: Another process is writing to the library.
            StorageError: The disk is full or read-only; what was committed is kept.
        """
        from indexer.tables import Columns  # late, as the next
        from retrieval.syncing import sync_paths  # late: what decodes and encodes is not needed for searching

        if isinstance(text_columns, str):
            raise TypeError(f"text_columns is the string {text_columns!r}; expected a sequence of strings")
        columns = Columns(tuple(text_columns), image_column, id_column)
        with self._store.writing("indexing"):
            return sync_paths(
                self._store,
                paths,
                load=self._encoder.by_settings,
                settings=self._settings,
                exclude=exclude,
                include_hidden=include_hidden,
                columns=columns if columns.used else None,
                progress=progress,
            )

    def search(
        self,
        query: str | Picture | Query,
        *,
        image: str | os.PathLike[str] | Image.Image | bytes | None = None,
        k: int = 10,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        among: Among = "all",
        hybrid: bool = True,
        rerank: Sequence[str | Reranker] = (),
        threshold: float | None = None,
        sort: Sort = "score",
        offset: int = 0,
        progress: ProgressCallback | None = None,
    ) -> Hits:
        """Return the photos and texts that fit a query best, best first.

        Args:
            query: Words (str), a picture (Path, PIL image or bytes), or a Query. A str is always words.
            image: A picture to search for together with the words, here also as a path in a str; both count the same.
            k: Results wanted, at least 1.
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass, beside folder, after and before.
            among: Whether to search "photos", "texts" or "all".
            hybrid: Whether to look for the words in titles, descriptions, tags and texts too, where the library has
                any, and to order by both. The scores stay those of what is to be seen.
            rerank: What puts the best hits into another order, one after the other: "mmr:0.7" (diversity), "moments"
                (a burst becomes one hit), "encoder:NAME:50" (another encoder scores the best 50), "blend:0.5" (half
                the library's own score), "exact"; or objects with the method of `Reranker`.
            threshold: Leave out hits that are less probable than this, 0 to 1, see `Hits.likely`; None leaves out none.
            sort: Order of the k best: by "score", "date" (oldest first), "-date" or "name".
            offset: How many of the best to leave out, for the next page.
            progress: Called with how far another encoder has come.

        Raises:
            QueryError: The query is empty or its picture cannot be read, k is below 1, the folder is not indexed, or
                a reranker is not known.
            LibraryError: The library holds nothing yet.
        """
        extra = None if image is None else as_picture(image)
        asked = as_query(query, extra, narrowed(where, folder=folder, after=after, before=before))
        check_count(k)
        check_page(sort, offset)
        steps = self._rerankers(rerank)
        asked = replace(asked, where=resolved(self._store, asked.where, self._settings))
        self._need_photos()
        parts = encode_query(asked, self._encoder.for_query(), self._settings)
        words = asked.words if hybrid else ""
        weights, pictures = asked.part_weights, len(asked.images)
        question = Question(asked.terms, parts, weights, asked.where, among, words=words, pictures=pictures)
        chain = Chain(steps, asked, self._settings, progress) if steps else None
        hits = search(self._store, question, k=offset + k, chain=chain, calibrator=self._calibrator)
        page = turn_to(hits, sort=sort, offset=offset)
        return page if threshold is None else page.likely(threshold)

    def similar(
        self,
        image: str | os.PathLike[str] | Image.Image | bytes,
        *,
        k: int = 10,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        sort: Sort = "score",
        offset: int = 0,
    ) -> Hits:
        """Return the photos most like a picture, best first, without the picture itself.

        For a photo of the library nothing is loaded and nothing encoded.

        Args:
            image: A file, in the library or not, an open picture, or the bytes of a file.
            k: Results wanted, at least 1.
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass, beside folder, after and before.
            sort: Order of the k best: by "score", "date" (oldest first), "-date" or "name".
            offset: How many of the best to leave out, for the next page.

        Raises:
            QueryError: The picture cannot be read, k is below 1, or the folder is not indexed.
            LibraryError: The library holds nothing yet.
        """
        picture = as_picture(image)
        check_count(k)
        check_page(sort, offset)
        asked = Query(images=[picture], where=narrowed(where, folder=folder, after=after, before=before))
        asked = replace(asked, where=resolved(self._store, asked.where, self._settings))
        self._need_photos()
        own, unchanged = own_embedding(self._store, picture) if isinstance(picture, Path) else (None, False)
        parts = stored_vector(self._store, own.embedding_id) if own is not None and unchanged else None
        if parts is None:
            parts = encode_query(asked, self._encoder.for_query(), self._settings)
        leave_out = own.item_id if own else None
        question = Question(asked.terms, parts, asked.part_weights, asked.where, "photos", leave_out, pictures=1)
        hits = search(self._store, question, k=offset + k, calibrator=self._calibrator)
        return turn_to(hits, sort=sort, offset=offset)

    def explain(
        self,
        query: str | Picture | Query,
        path: str | os.PathLike[str],
        *,
        k: int = 10,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        progress: ProgressCallback | None = None,
    ) -> Explanation:
        """Return why a file is in the answer to a query, or why it is not.

        The answer is that of `search` with the same arguments.

        Args:
            query: As for `search`.
            path: A file, indexed or not.
            k: Length of the answer, at least 1.
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass.
            progress: Called with how many regions of the picture were looked at.

        Raises:
            QueryError: As for `search`.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.explain import explain  # late: it brings the picture library, which no search of words needs

        asked = as_query(query, None, narrowed(where, folder=folder, after=after, before=before))
        check_count(k)
        asked = replace(asked, where=resolved(self._store, asked.where, self._settings))
        self._need_photos()
        return explain(
            self._store,
            asked,
            path,
            load=self._encoder.for_query,
            settings=self._settings,
            k=k,
            calibrator=self._calibrator,
            progress=progress,
        )

    def duplicates(
        self,
        *,
        folder: str | os.PathLike[str] | None = None,
        after: date | None = None,
        before: date | None = None,
        where: Filter | None = None,
        progress: ProgressCallback | None = None,
    ) -> Duplicates:
        """Return the photos that are one picture, in groups with the best of each; nothing is changed.

        Copies, other sizes and formats, parts, turned, mirrored and retouched ones are one picture; other moments of
        the same scene are not. Photos are read again for it, those whose embeddings lie near each other.

        Args:
            folder: Only photos at or under this path.
            after: Only photos taken at this date or moment, or later.
            before: Only photos taken before this date or moment.
            where: Only what this filter lets pass, beside folder, after and before.
            progress: Called with how far it has come.

        Raises:
            QueryError: The folder is not indexed.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.duplicates.find import find_duplicates  # late: what decodes is not needed for searching

        passing = narrowed(where, folder=folder, after=after, before=before)
        passing = resolved(self._store, passing, self._settings)
        self._need_photos()
        return find_duplicates(self._store, self._settings, where=passing, progress=progress)

    def forget(self, path: str | os.PathLike[str]) -> int:
        """Take a file or folder out of the library and return how many items that were; the files stay.

        Raises:
            SourceError: The library knows nothing at this path.
            LibraryLockedError: Another process is writing to the library.
        """
        with self._store.writing("forgetting"):
            with self._store.transaction() as connection:
                place = sources.known_place(connection, path)
                known = {source.root for source in sources.sources(connection)}
                removed = sources.forget(connection, place)
                if not removed and place not in known:
                    raise SourceError(f"the library knows nothing at {place}; run: recall status")
            if self._store.encoder is not None:
                self._store.index(save=True)
        return removed

    def status(self) -> Status:
        """Return what the library holds; the encoder is not loaded."""
        return read_status(self._store)

    def failures(self) -> list[Failure]:
        """Return every file that could not be indexed with its reason, by path."""
        with self._store.reading() as connection:
            return list(queries.failures(connection))

    def check(self, *, repair: bool = False, progress: ProgressCallback | None = None) -> list[Problem]:
        """Return where catalog, index and disk disagree, after mending what can be derived if asked to.

        Args:
            repair: Rebuild the index, and drop items without a usable embedding, which the next sync encodes again.
            progress: Called with how far it has come.

        Raises:
            LibraryLockedError: Another process is writing to the library, and `repair` is set.
        """
        from indexer import check as checks  # late: no other command needs it

        if repair:
            with self._store.writing("repairing"):
                dropped = checks.repair(self._store, progress=progress)
            if dropped:
                logger.info("%d items were dropped; run: recall index, to encode them again", dropped)
        return list(checks.check(self._store, progress=progress))

    def evaluate(
        self, table: str | os.PathLike[str], *, split: str | None = None, progress: ProgressCallback | None = None
    ) -> Evaluation:
        """Return how well `search` finds what is known to answer the queries of a table.

        Args:
            table: A CSV file with the columns query and relevant, see `retrieval.evaluate.read_queries`.
            split: Part of the set, where its table has a column split.
            progress: Called with how far it has come.

        Raises:
            EvaluationError: The table cannot be used, or nothing that it names is in the library.
            LibraryError: The library holds nothing yet.
        """
        from retrieval.evaluate.searches import evaluate_searches  # late: searching needs none of it

        self._need_photos()
        return evaluate_searches(
            Path(table),
            self._store,
            lambda query, k: self.search(query, k=k),
            system=str(self.path),
            split=split,
            progress=progress,
        )

    def export(
        self, path: str | os.PathLike[str], *, form: Form = "recall", progress: ProgressCallback | None = None
    ) -> ExportReport:
        """Write the library into a new folder, as it is at this moment, and return what was written.

        Args:
            path: A folder that does not exist yet; it is there when it is whole, and not before.
            form: "recall" holds all of a library; "clip-retrieval" photos, captions and embeddings for other programs.
            progress: Called with how far it has come.

        Raises:
            TransferError: There is something at `path` already, it cannot be written, or there is nothing to write.
            MissingPackageError: pyarrow is not installed.
        """
        from indexer import transfer  # late: no other command needs it

        return transfer.export_library(self._store, Path(path).expanduser(), form=form, progress=progress)

    def import_(
        self,
        path: str | os.PathLike[str],
        *,
        roots: Mapping[str, str] | None = None,
        encoder: str | Encoder | None = None,
        replace: bool = False,
        progress: ProgressCallback | None = None,
    ) -> ImportReport:
        """Bring in what `export` or clip-retrieval wrote, and return what was done; the photos need not be here.

        It is committed in batches: a run that is stopped goes on where it was with the next one.

        Args:
            path: The folder; which of the two it is shows by itself.
            roots: Folders of the machine that it comes from, and where they lie here; "" stands for the folder that
                relative paths begin at.
            encoder: The encoder that made the vectors. clip-retrieval's files do not say it, so that it must be named.
            replace: Whether items that the library has at the same path are replaced; otherwise they stay as they are.
            progress: Called with how far it has come.

        Raises:
            TransferError: The folder is no export, is damaged, or holds vectors of an encoder that nobody named.
            EncoderMismatchError: The library holds embeddings of another encoder.
            LibraryLockedError: Another process is writing to the library.
            MissingPackageError: pyarrow is not installed.
        """
        from indexer import transfer  # late, as above

        load = None
        if encoder is not None:
            load = LibraryEncoder(self._store, self._settings, asked=encoder, precision=None).by_settings
        with self._store.writing("importing"):
            return transfer.import_folder(
                self._store,
                Path(path).expanduser(),
                roots=roots or {},
                load=load,
                replace=replace,
                progress=progress,
            )

    def _rerankers(self, asked: Sequence[str | Reranker]) -> list[Reranker]:
        """Return the rerankers; one with an encoder stays, so that this is loaded once."""
        made = zip(asked, rerankers(asked), strict=True)
        return [self._reranker.setdefault(name, each) if isinstance(name, str) else each for name, each in made]

    def _need_photos(self) -> None:
        """Refuse a library that holds none."""
        if self._store.encoder is None:
            raise LibraryError(f"{self.path} holds nothing yet; run: recall index FOLDER")
