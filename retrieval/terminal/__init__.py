"""Pictures in the terminal: thumbnails next to results, and the program behind `recall browse`.

graphics.py     asks the terminal how it shows pictures
pictures.py     draws a picture for it, by textual-image
thumbnails.py   reads thumbnails of results, a few ahead
viewer.py       opens a file in the system's viewer
browser/        the Textual program

From outside, the command line calls these modules. Only `recall browse` and `--preview` import the extra `preview`.
"""
