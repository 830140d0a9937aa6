"""Errors of object stores: what the server or the network said, as one sentence that repeats no key."""

from __future__ import annotations

import re

from indexer.errors import StorageError
from indexer.storage.place import RefusedFileError

MISSING, DENIED = "NO_SUCH_BUCKET", "ACCESS_DENIED"

NO_BODY = "No response body"
"""What pyarrow says if the answer to a question about one object has a status and no reason."""

_CODE = re.compile(r"AWS Error ([A-Z][A-Z0-9_]*)")
_STATUS = re.compile(r"HTTP (?:status|response code)[ :]*(\d{3})")
_SERVER_CODE = re.compile(r"Unable to parse ExceptionName: (\w+)")

_CHECK_KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"

_REASONS = {
    MISSING: "there is no such bucket; create it, or correct the name",
    DENIED: "access is denied; ask for the right to list, read and, for what is written, write",
    "INVALID_ACCESS_KEY_ID": f"the server does not know the access key; {_CHECK_KEYS}",
    "SIGNATURE_DOES_NOT_MATCH": f"the secret key is wrong; {_CHECK_KEYS}",
    "EXPIRED_TOKEN": "the token has expired; get a new one and start again: what was done is kept",
    "INVALID_TOKEN": f"the server does not accept the token; {_CHECK_KEYS}",
    "REQUEST_TIME_TOO_SKEWED": "the clocks of this machine and of the server differ; set this machine's clock",
    "NETWORK": "the server cannot be reached; check AWS_ENDPOINT_URL and the network",
    "NO_CREDENTIALS": f"no keys were found; {_CHECK_KEYS}",
}

_NAMES = {
    "NoSuchBucket": MISSING,
    "AccessDenied": DENIED,
    "InvalidAccessKeyId": "INVALID_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "SIGNATURE_DOES_NOT_MATCH",
    "ExpiredToken": "EXPIRED_TOKEN",
    "ExpiredTokenException": "EXPIRED_TOKEN",
    "InvalidToken": "INVALID_TOKEN",
    "RequestTimeTooSkewed": "REQUEST_TIME_TOO_SKEWED",
}
"""Codes as servers send them, where pyarrow does not know them."""

_NETWORK = ("NETWORK_CONNECTION", "curlCode", "Couldn't connect", "Couldn't resolve", "Timeout was reached")


def code_of(error: BaseException) -> str:
    """Return what went wrong, as a key of the sentences or as the server's own code; "" if it does not say."""
    text = str(error)
    if (said := _SERVER_CODE.search(text)) and said[1] in _NAMES:
        return _NAMES[said[1]]
    code = _CODE.search(text)
    if code and code[1] in _REASONS:
        return code[1]
    if any(part in text for part in _NETWORK):
        return "NETWORK"
    status = _STATUS.search(text)
    if status and status[1] == "403":
        return DENIED
    if re.search(r"Bucket .* not found", text):
        return MISSING
    return said[1] if said else code[1] if code else ""


def may_be_gone(error: BaseException) -> bool:
    """Return whether an error in reading may mean that the object was deleted; its reason is not always said."""
    return code_of(error) not in _REASONS


def storage_error(code: str, location: str, bucket: str, endpoint: str) -> StorageError:
    """Return the error for a code; the server's own text is not repeated, because it may have a key in it."""
    where = f"the bucket {bucket!r}" if code == MISSING else location
    server = f" at {endpoint}" if endpoint else ""
    reason = _REASONS.get(code, f"the server refuses the request ({code or 'without a reason'}); try again later")
    message = f"{where}{server} cannot be used: {reason}"
    if code == DENIED or code not in _REASONS:  # perhaps only this object: an archived one, or one of somebody else
        return RefusedFileError(message, reason)
    return StorageError(message)
