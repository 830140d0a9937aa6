"""The help and the sentences of the program."""

from __future__ import annotations

HELP = """\
Arrows, Page Up/Down   choose a picture; past the last one, the next page
Home, End              the first and the last picture
Enter                  show the picture large, or small again
y, n                   the picture is a good or a bad result; recall tune learns from it
o                      open it in the system's viewer
c                      copy its path to the clipboard of the terminal
/                      search for something else
Escape                 back
q                      end

Any key closes this help.\
"""

SEARCHING = "searching…"
FIRST = "Press / and describe a photo, for instance: a dog on the beach"
AGAIN = "Press / to search for something else, with other words."
NO_ROOM = "The terminal is too small for pictures; make it larger."
