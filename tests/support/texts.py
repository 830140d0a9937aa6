"""Texts that are hard to tokenize: odd ones, and random ones of every script."""

from __future__ import annotations

import random

ODD = [
    "",
    " \t\n\u3000\u2003 ",
    "a photo of a cat",
    "<start_of_text> and <end_of_text>, <END_OF_TEXT>, <\u017ftart_of_text>, <|startoftext|><|endoftext|>",
    "IT'S HE'LL they'RE i'M we'Ve she'D can'T rock'n'roll '' 'sss",
    "it\u2019s he\u2019LL they\u02bcre \u2018quoted\u2019 '\u017f '\u017ft x'\u017f",  # long s folds to s
    "\u0130stanbul \u0131\u015f\u0131k I\u0307",
    "STRASSE Stra\u00dfe \u1e9e",
    "\u13e3\u13b3\u13a9 \uab70\uab71\u13f8",  # Cherokee in both cases
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3 \u03b1\u03a3\u0301\u03b2",  # final sigma
    "\ufb01ne \ufb02ow e\ufb03cient \ufb05 \ufb06 \u0132sselmeer \u01c4 \u01f2 \u0149",
    "\u212a \u212b \u2126 \uff21\uff22\uff11 \uff71\uff76",  # Kelvin, Angstrom, Ohm; full and half width
    "schön café “quoted” привет à la … ä".encode().decode("latin-1"),
    "naïve \u2019s €5 ½".encode().decode("windows-1252").encode().decode("latin-1"),
    "voilÃ le travail, l\u2019humanitÃ©",
    "&amp;amp;lt;b&amp;gt; &lt;3 &eacute; &EACUTE; &#x1F600; &#128; &#x1c; &#11; &notit; &amp;#x2028; & &&amp",
    "\x00\x01\x1b[31mred\x1b[0m \x7f\x85\ufeff\u200b\u200d\u00ad\u2028\u2029\ufffc",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f1e9\U0001f1ea 1\ufe0f\u20e3 \U0001f44d\U0001f3fd",
    "a1b22c333 \u0663\u0664 \u2163 \u00bd \u00b2 \u4e94 \U0001d7d8 12345678901234567890",
    "e\u0301 \u00e9 \u1100\u1161\u11a8 \uac01 \u0915\u094d\u0937\u093f Z\u0351\u036b\u0343\u036a",
    "a\U00011180b \U0001e922 \U00010400 \U00020000 \U000e0067 \U0010fffd \U00010d50 \ua7cb \U00016ea0",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa hahahahahahahahaha !!!!!!!!???? ---===---",
    "x" * 5000,
    "the quick brown fox " * 500,
    "\u6f22" * 3000,
    "\ud800 lone \udc00\ud83d\ude00",  # ftfy joins or replaces surrogates
]


PARTS = [part for text in ODD[3:22] for part in text.split(" ")] + ["dog's", "&", ";", "'", "<", ">", "\n", "\u0307"]


def random_texts(count: int, *, seed: int) -> list[str]:
    """Return texts with characters from every 64-wide range of Unicode, and with parts of the odd texts."""
    rng = random.Random(seed)
    ranges = [start for start in range(0, 0x30000, 64) if not 0xD800 <= start < 0xE000]
    ranges += [0xE0000, 0xE0040, 0xE0100, 0xF0000, 0x10FFC0]
    texts = []
    for number in range(count):
        start = ranges[number % len(ranges)]
        words = []
        for _ in range(rng.randint(1, 6)):
            kind = rng.random()
            if kind < 0.5:
                words.append("".join(chr(start + rng.randrange(64)) for _ in range(rng.randint(1, 8))))
            elif kind < 0.75:
                words.append("".join(rng.choices("etaoinshrdluETAOINSHRDLU0123456789'.,-&;<>|_", k=rng.randint(1, 12))))
            else:
                words.append(rng.choice(PARTS))
        texts.append(rng.choice(["", " "]).join(words))
    return texts
