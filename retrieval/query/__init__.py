"""Queries: what people type or pass, as parts with weights and a filter, and its vectors.

part.py             Part: one text, picture or vector with its weight
vector.py           QueryVector: a vector that is searched for
parser.py           the words of a command -> parts
query.py            Query: parts and a filter
resolve_filters.py  folders and photos in filters -> paths and positions that the catalog knows
private_words.py    words that stand for a user's own photos
vocabulary/         words that the encoder does not know, and what may be meant
embed.py            Query -> EncodedQuery
encoded.py          EncodedQuery: a query with its vectors
parse_values.py     dates, places, distances, sizes and ratings as people write them
fetch.py            a query picture from the web

A query has one path: Part -> Query -> EncodedQuery. Any of these modules may be used from outside; importing this
package loads none of them.
"""
