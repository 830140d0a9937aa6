"""Near-duplicates: photos that are one picture, told from photos that only look alike.

find.py           the search: candidates, comparison, groups
candidates.py     pairs whose embeddings lie near each other
photos.py         photos decoded for comparing, a bounded number held
pixels.py         whether two pictures are the same, a moment apart, or different
registration.py   where the one lies in the other
features.py       the corners by which that is found
groups.py         what is given back: groups, and the best of each
"""
