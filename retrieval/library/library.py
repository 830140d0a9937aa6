"""The class `Library`."""

from __future__ import annotations

from retrieval.library import analysis as analysis_methods
from retrieval.library import encoders as encoder_methods
from retrieval.library import feedback as feedback_methods
from retrieval.library import html
from retrieval.library import items as item_methods
from retrieval.library import listing as listing_methods
from retrieval.library import maintenance as maintenance_methods
from retrieval.library import overview as overview_methods
from retrieval.library import private_words as word_methods
from retrieval.library import search as search_methods
from retrieval.library import search_many as many_methods
from retrieval.library import thumbnails as thumbnail_methods
from retrieval.library import transfer as transfer_methods
from retrieval.library import tuning as tuning_methods
from retrieval.library.base import BaseLibrary
from retrieval.library.calls import counts_calls


@counts_calls
class Library(BaseLibrary):
    """A folder `NAME.recall` that holds the catalog and the index of a collection; the photos stay where they are.

    Use it in a `with` statement. One process at a time may write; another one waits, see `wait` in `open`. While `sync`
    encodes, `judge`, `learn` and `forget` write between two of its batches. Any number of processes may search
    meanwhile, and searches may run in several threads.
    """

    # Each method is a function of the module named on its line: with their docstrings and signatures they fill eight
    # files of up to 300 lines, and would fill one of 900.

    search = search_methods.search
    search_many = many_methods.search_many
    similar = search_methods.similar

    add = item_methods.add
    get = item_methods.get
    by_item_id = item_methods.by_item_id
    update = item_methods.update
    delete = item_methods.delete
    __contains__ = item_methods.contains

    list = listing_methods.list_
    scan = listing_methods.scan
    count = listing_methods.count
    __len__ = listing_methods.count
    layout = overview_methods.layout
    facets = overview_methods.facets
    positions = overview_methods.positions

    thumbnail = thumbnail_methods.thumbnail
    web_thumbnail = thumbnail_methods.web_thumbnail
    original = thumbnail_methods.original

    explain = analysis_methods.explain
    duplicates = analysis_methods.duplicates
    evaluate = analysis_methods.evaluate

    judge = feedback_methods.judge
    show = feedback_methods.show
    judgements = feedback_methods.judgements
    export_judgements = feedback_methods.export_judgements
    import_judgements = feedback_methods.import_judgements
    forget_judgements = feedback_methods.forget_judgements

    learn = word_methods.learn
    words = word_methods.words
    forget_word = word_methods.forget_word

    tune = tuning_methods.tune
    versions = tuning_methods.versions
    rollback = tuning_methods.rollback

    sync = maintenance_methods.sync
    optimize = maintenance_methods.optimize
    forget = maintenance_methods.forget
    status = maintenance_methods.status
    failures = maintenance_methods.failures
    check = maintenance_methods.check

    _repr_html_ = html.repr_html

    export = transfer_methods.export
    import_ = transfer_methods.import_

    use_encoder = encoder_methods.use_encoder
    encoders = encoder_methods.encoders
    drop_encoder = encoder_methods.drop_encoder

    def __bool__(self) -> bool:
        """Return True: an empty library is a library."""
        return True
