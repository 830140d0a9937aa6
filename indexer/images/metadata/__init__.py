"""Reads the EXIF, XMP and IPTC of photos and their sidecars; `indexer.images` uses it."""
