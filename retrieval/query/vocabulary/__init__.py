"""Words that an encoder does not know, and what may have been meant.

unknown_words.py  the unknown words of a query, each with suggestions
terms.py          a text -> its words, emoji and names
word_list.py      the words that an encoder knows
noise.py          whether a word moves a vector more than an invented word does
nouns.py          nouns of other languages, and emoji -> English
spelling.py       known words that are spelled like a word

`python -m training.vocabulary` makes the files of words, of noise and of nouns. Encoders without these files know every
word: nothing is claimed of them. `unknown_words` may be called from outside.
"""
