"""Methods of `Library` for items that an app adds: they have an id and no file that a sync reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import added_items, listing
from indexer.errors import AddError, QueryError
from indexer.types import ProgressCallback
from retrieval.library.base import BaseLibrary
from retrieval.query.resolve_filters import resolve_filter
from retrieval.search.listing import Items

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.adding import AddReport, OnConflict
    from indexer.images import Keep
    from indexer.types import PictureInput, Vectors


_MAX_ID = 2**63 - 1
"""The largest integer that SQLite stores."""


def add(
    self: BaseLibrary,
    images: Iterable[PictureInput | None] | None = None,
    texts: Iterable[str | None] | None = None,
    vectors: Vectors | Iterable[Sequence[float] | NDArray[Any] | None] | None = None,
    *,
    ids: Iterable[str | None] | None = None,
    metadata: Iterable[Mapping[str, Any] | None] | None = None,
    uris: Iterable[str | None] | None = None,
    collection: str = "default",
    on_conflict: OnConflict = "replace",
    keep: Keep = "preview",
    wait: float | None = 30.0,
    progress: ProgressCallback | None = None,
) -> AddReport:
    """Add items that need no file, and return a report.

    Each argument up to `uris` is a list or an iterator with one value for each item, or None for an item without it.
    An item is a picture, a text, a vector, or several of them: a text beside a picture is words of the same item.

    Items are stored batch by batch, each in one transaction, and are found as soon as it is committed. An item that
    cannot be added is a failure in the report, and the others are added. A sync changes none of them.

    Args:
        images: Pictures: paths, bytes of files, Pillow pictures, or uint8 arrays of shape (height, width, 3). Files are
            decoded in worker processes, as by `sync`.
        texts: Texts; one that is longer than the encoder reads is cut into pieces.
        vectors: Vectors of the library's encoder, shape (n, d); they are scaled to unit length. Nothing of these items
            is encoded. A vector beside a text alone is that of the text, otherwise that of a picture.
        ids: Ids, unique in the collection, of 1 to 1,000 characters. None takes the SHA-256 of the content (of the
            picture, else of the text, else of the vector), so that adding it twice changes nothing.
        metadata: Mappings of str to str, int, float, bool, date, datetime, None or a list of str, for `Filter.meta`.
            The values of a key have one type in the whole library; int and float are one, and a date or time is its
            text in ISO 8601, with a zone that of UTC.
        uris: Where the items are from: any text.
        collection: Name of the collection, which is made on first use.
        on_conflict: What becomes of an item whose id the collection has: "replace", "skip" (it stays), or "error".
        keep: What is stored of pictures, for `Item.picture`, explanations, duplicates and a change of encoder:
            "original", "preview" (a JPEG of at most 640 pixels), or "nothing".
        wait: Seconds that each batch waits for another writer; None takes that of the library.
        progress: Called after each batch; an exception that it raises ends the call, and committed batches stay.

    Raises:
        AddError: No content is given, the lengths differ, an id occurs twice, the collection has no valid name, or an
            id exists with `on_conflict="error"`. Unless an argument is an iterator, nothing was added then; an id that
            exists is noticed in its batch, and the batches before it stay.
        EncoderNotFoundError: The encoder is not on this machine and cannot be downloaded.
        LibraryLockedError: Another process is writing to the library.
        StorageError: The disk is full or read-only; committed batches stay.
    """
    from indexer import adding  # late: searching needs nothing that decodes
    from indexer.adding.inputs import check_collection
    from indexer.images import Keep

    _check_choice("on_conflict", on_conflict, get_args(adding.OnConflict))
    _check_choice("keep", keep, get_args(Keep))
    name = check_collection(collection)
    items, total = adding.new_items(images=images, texts=texts, vectors=vectors, ids=ids, metadata=metadata, uris=uris)
    return adding.add_items(
        self._store,
        items,
        load=self._encoder.for_indexing,
        settings=self._settings,
        collection=name,
        on_conflict=on_conflict,
        keep=keep,
        wait=wait,
        total=total,
        may_have_pictures=images is not None,
        progress=progress,
    )


def get(self: BaseLibrary, ids: str | Iterable[str], *, collection: str | None = None, vectors: bool = False) -> Items:
    """Return items by id, in the order of the ids; unknown ids are left out.

    Args:
        ids: Ids of added items; of others, paths of files as `Item.id` has them. One id may be given as a str.
        collection: The collection to look in; None looks in all, and among files.
        vectors: Whether each item has its vector, `Item.vector`.
    """
    names = [ids] if isinstance(ids, str) else list(ids)
    for id_ in names:
        _require_str(id_)
    encoder = self._store.encoder if vectors else None
    with self._store.reading() as connection:
        collections = added_items.collection_names(connection) if collection is None else [collection]
        found = listing.get_items(
            connection,
            names,
            collections,
            encoder,
            with_files=collection is None,
            pictures=self._store.item_pictures,
        )
    return Items(found)


def by_item_id(self: BaseLibrary, item_ids: Iterable[int]) -> Items:
    """Return items by `Item.item_id`, in the order of the ids; unknown ones are left out.

    Args:
        item_ids: Ids in the catalog, as hits and items have them. They stay the same as long as the item is in the
            library, also when its file is moved.
    """
    numbers = [item_id for item_id in item_ids if 0 < item_id <= _MAX_ID]
    with self._store.reading() as connection:
        return Items(listing.items_numbered(connection, numbers, pictures=self._store.item_pictures))


def update(
    self: BaseLibrary,
    ids: Sequence[str],
    *,
    metadata: Sequence[Mapping[str, Any] | None] | None = None,
    texts: Sequence[str | None] | None = None,
    collection: str | None = None,
) -> int:
    """Change metadata and texts of added items in one transaction, and return how many there were.

    Args:
        ids: Ids of added items; unknown ones are passed over.
        metadata: One mapping for each id: its keys replace those of the item, the others stay, and None makes a value
            unknown. None for an item leaves it as it is.
        texts: One text for each id, which is encoded anew; None for an item leaves it as it is.
        collection: The collection to look in; None looks in all.

    Raises:
        AddError: Nothing to change is given, the lengths differ, an id occurs twice, or a value cannot be stored;
            nothing was changed.
        LibraryLockedError: Another process is writing to the library.
    """
    from indexer import adding  # late, see `add`

    return adding.update_items(
        self._store,
        _as_list(ids, "ids"),
        metadata=metadata,
        texts=texts,
        collection=collection,
        load=self._encoder.for_indexing,
    )


def delete(
    self: BaseLibrary,
    ids: Iterable[str] | None = None,
    *,
    where: Filter | None = None,
    collection: str | None = None,
) -> int:
    """Delete added items that meet all of the conditions, and return how many; never a file, nor what a sync reads.

    Args:
        ids: Their ids; unknown ones are passed over.
        where: Only items that pass this filter.
        collection: Only items of this collection.

    Raises:
        AddError: No condition is given.
        QueryError: A folder of the filter is not indexed.
        LibraryLockedError: Another process is writing to the library.
    """
    from indexer import adding  # late, see `add`

    if ids is None and where is None and collection is None:
        raise AddError("nothing says what to delete; expected ids, a filter or a collection")
    names = None if ids is None else _as_list(ids, "ids")
    resolved = resolve_filter(self._store, where)
    return adding.delete_items(self._store, ids=names, where=resolved, collection=collection)


def contains(self: BaseLibrary, id_: object) -> bool:
    """Return whether the library has an item with an id, in any collection or as a file."""
    return isinstance(id_, str) and bool(get(self, [id_]))


def _as_list(values: Iterable[str], name: str) -> list[str]:
    """Return values as a list.

    Raises:
        AddError: They are one string, whose letters would be taken for the values.
    """
    if isinstance(values, str | bytes):
        raise AddError(f"{name} is one {type(values).__name__}; expected a list, for instance [{values!r:.120}]")
    return list(values)


def _require_str(id_: object) -> None:
    if not isinstance(id_, str):
        raise QueryError(f"the id {id_!r:.120} is a {type(id_).__name__}; expected a str")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise AddError(f"{name} is {value!r:.120}; expected one of {', '.join(choices)}")
