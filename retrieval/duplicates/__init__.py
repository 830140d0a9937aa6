"""Finds photos that show the same picture, as opposed to photos that only look alike.

find.py            find_duplicates(): candidates, comparison, groups
candidates.py      pairs of photos with similar embeddings
sketches.py        decoded photos, a bounded number in memory
pixel_compare.py   whether two photos are the same picture, by their pixels
registration.py    aligns two pictures
structure.py       similarity of aligned pictures, block by block
features.py        corners, by which pictures are aligned
documents.py       whether two documents on a plain ground hold the same text
details.py         photos decoded at a larger size, and whether one was enlarged
comparer.py        compares the photos of a library by all of these
files_on_disk.py   which names lead to one file, and what deleting it frees
groups.py          the result: groups of photos, and the best of each

From outside use `find_duplicates`, and the classes in `groups`. Importing this package loads nothing.
"""
