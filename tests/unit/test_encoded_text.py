"""UserComment and the tags of Windows: text is read whatever encoding it has, and bytes that are no text are not."""

from __future__ import annotations

import pytest
from PIL import ExifTags, Image

from indexer.images.metadata.encoded_text import user_comment, utf_16_text
from indexer.images.metadata.exif import read_exif

TEXT = "A boat in the harbour"
UNDEFINED, ASCII, UNICODE, JIS = bytes(8), b"ASCII\0\0\0", b"UNICODE\0", b"JIS\0\0\0\0\0"


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("text", [TEXT, "é", "Лодка в гавани", "港口里的一条船", "東京タワーの写真", "Boat ⛵😀"])
def test_unicode_is_read_in_either_byte_order(text: str, mark: str, encoding: str, endian: str) -> None:
    assert user_comment(UNICODE + (mark + text).encode(encoding), endian) == text


def test_text_after_a_nul_is_not_read() -> None:
    assert user_comment(UNICODE + f"{TEXT}\0\0rest".encode("utf-16-le"), "<") == TEXT
    assert user_comment(ASCII + f"{TEXT}\0rest".encode(), "<") == TEXT


@pytest.mark.parametrize("code", [UNDEFINED, b" " * 8, ASCII, b"ASCII   ", b"Unicode\0", b""])
def test_text_is_read_under_any_code(code: bytes) -> None:
    assert user_comment(code + TEXT.encode(), "<") == TEXT


@pytest.mark.parametrize(("content", "text"), [("café ☃".encode(), "café ☃"), (b"caf\xe9", "café")])
@pytest.mark.parametrize("code", [UNDEFINED, ASCII])
def test_text_beyond_ascii_is_utf_8_or_windows_1252(code: bytes, content: bytes, text: str) -> None:
    assert user_comment(code + content, "<") == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_recognized_under_an_undefined_code(encoding: str) -> None:
    assert user_comment(UNDEFINED + TEXT.encode(encoding), "<") == TEXT


@pytest.mark.parametrize("encoding", ["iso2022_jp", "euc_jp", "shift_jis", "utf-8"])
def test_japanese_is_read_in_the_encodings_that_programs_write(encoding: str) -> None:
    assert user_comment(JIS + "港の船".encode(encoding), "<") == "港の船"


def test_japanese_is_read_without_escape_sequences() -> None:
    content = "港の船".encode("iso2022_jp").removeprefix(b"\x1b$B").removesuffix(b"\x1b(B")
    assert user_comment(JIS + content, "<") == "港の船"
    assert user_comment(JIS + TEXT.encode(), "<") == TEXT


@pytest.mark.parametrize(
    "value",
    [
        bytes(200),
        bytes(range(200)),
        UNDEFINED + b"\xd2\0\x01\x02\x03",
        UNDEFINED + b"METADATA-START\0\x01\x9f",
        ASCII + b"\x01\x02abc",
        UNICODE + "\x01\x02a".encode("utf-16-le"),
        UNICODE + "\x01\x02a".encode("utf-16-be"),
        UNICODE + "\ue000\ue001".encode("utf-16-le"),
        UNICODE + b"\xd8" * 6,  # surrogates without their second half
        UNICODE,
        b"ASCII",
        b"",
        None,
        7,
    ],
)
def test_bytes_that_are_no_text_give_nothing(value: object) -> None:
    assert user_comment(value, "<") == ""


def test_a_comment_of_many_megabytes_is_read_in_part() -> None:
    assert len(user_comment(ASCII + b"x" * 10**7, "<")) < 10**5
    assert len(utf_16_text(b"x\0" * 10**7, "<")) < 10**5


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_tags_of_windows_are_read_in_either_byte_order(encoding: str) -> None:
    tags = Image.Exif()
    tags[0x9C9B], tags[0x9C9C], tags[0x9C9E] = (text.encode(encoding) for text in ("Title", TEXT, "one;two"))
    block = read_exif(tags)
    assert (block.title, block.description, block.tags) == ("Title", TEXT, ("one", "two"))


def test_a_comment_in_the_first_block_is_read() -> None:
    tags = Image.Exif()
    tags[ExifTags.Base.UserComment] = ASCII + TEXT.encode()
    assert read_exif(tags).description == TEXT
