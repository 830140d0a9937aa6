"""The program behind `recall browse`: a page of thumbnails, one of which is chosen; made with Textual.

session.py    what it asks of a library: searches, thumbnails, judgements; knows nothing of Textual
picture.py    a widget that shows one picture
tile.py       a thumbnail with its name
grid.py       the page of thumbnails and its keys
actions.py    what the keys do with a result: judge, open, copy
large.py      one picture as large as the terminal
texts.py      its help and its sentences
app.py        the program: search box, grid, lines around it

From outside, only `session.Session` and `app.Browser` may be used.
"""
