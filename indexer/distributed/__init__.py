"""Embeds a source without a library, on one machine or on many: into parts, which `recall import` reads.

From outside call `embed_parts`. Importing this package loads neither the database library nor pyarrow nor Ray.

part_list      the files of a source, divided into parts, and which parts are to be made
part_target    takes encoded batches, and writes complete parts
part_encoder   decodes and encodes parts on this machine
embed          what `recall index --into` does
ray_adapter    the same on the machines of a Ray cluster
"""
