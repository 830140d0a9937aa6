"""What the server and the doors for other programs take and return: models of JSON, filters and addresses.

    address.py            where a server listens
    items.py              items and hits as JSON
    filters.py            the filters of a request, and the library's filter that they mean
    metadata_filters.py   filters on metadata as JSON has them
    base64_data.py        bytes in JSON
    text.py               text that JSON can carry, times among it

Nothing here opens a library.
"""
