"""Metadata of a photo: EXIF, XMP and IPTC, read into one PhotoMetadata."""
