"""The commonest function words of the languages in which dates are read: they tell nothing of what a text is about."""

from __future__ import annotations

_STOP_WORDS = {
    "en": "a about all am an and any are as at be been but by can could did do does each for from had has have he her "
    "him his how i if in into is it its just me my nor of on or our she should so some than that the their them then "
    "there these they this those to was we were what when where which while who whom whose why will with would you "
    "your",
    "de": "aber als am an ans auch auf aus bei beim bis da das dass da\u00df dein deine dem den denn der des dich die "
    "dir doch du durch ein eine einem einen einer eines er es euch f\u00fcr fuer gegen habe haben hatte hatten hier "
    "ich ihm ihn ihr ihre im in ins ist kann k\u00f6nnen mein meine mich mir mit nach neben noch nur oder ohne sehr "
    "seid sein seine sich sie sind so \u00fcber ueber um und uns unser unter vom von vor waren wegen weil wenn werden "
    "wie wir wird wo wurde wurden zu zum zur zwischen",
    "fr": "\u00e0 au aux avec c ce ces cet cette comme d dans de des du elle elles en es est et \u00e9taient "
    "\u00e9tait \u00eatre eux il ils j je l la le les leur leurs lui m ma mais mes mon n ne nos notre nous on ont "
    "o\u00f9 ou par pas pour qu que qui quoi s sa sans se ses sont sous sur t te tes tr\u00e8s tu un une vos votre "
    "vous y",
    "es": "al ante as\u00ed con como cuando de del desde donde e el \u00e9l ella ellas ellos en entre era eran esa "
    "esas ese eso esos esta est\u00e1 estaba estas este estos est\u00e1n fue fueron ha han hasta la las le les lo los "
    "m\u00e1s me mi mis muy nos o para pero por porque que se ser si sobre su sus te tu tus u un una unas uno unos y "
    "ya yo",
    "it": "a ad agli ai al alla alle allo anche che chi ci con cui da dagli dai dal dalla dalle dallo degli dei del "
    "dell della delle dello di e ed era erano fra gli ha hanno i il in io la le li lo loro ma mi mia mio molto ne "
    "negli nei nel nell nella nelle nello noi nostra nostro o per perch\u00e9 pi\u00f9 qual quella quelle quelli "
    "quello questa queste questi questo se si sono su sua sue sugli sui sul sull sulla sulle sullo suo suoi tra tu "
    "tua tuo un uno una vi voi \u00e8",
    "nl": "aan al als bij daar dan dat de deze die dit dus een en er geen haar hebben heeft het hier hij ik je jij "
    "kan maar me meer met mij mijn naar naast niet nog nu of om ons ook op over te tot uit voor waar wat wel werd "
    "werden wie wij worden wordt ze zich zij zijn zo zonder",
    "pt": "a ao aos as \u00e0 \u00e0s com como da das de dela dele do dos e ela elas ele eles em entre era eram "
    "essa esse esta est\u00e1 est\u00e3o este eu foi foram h\u00e1 isso isto j\u00e1 lhe mais mas me meu meus minha "
    "minhas muito na nas n\u00e3o nem no nos n\u00f3s num numa o os ou para pela pelas pelo pelos por qual quando que "
    "quem s\u00e3o se sem ser seu seus seja sob sobre sua suas tamb\u00e9m te tem um uma umas uns",
}
"""Without those that are things in English: German "hat" and "war", French "car", Spanish "hay", Dutch "van"."""

_ELISIONS = frozenset(["c", "d", "j", "l", "m", "n", "s", "t", "qu", "all", "dall", "dell", "nell", "sull", "un"])
"""What stands before an apostrophe in French and Italian: "l'\u00e9t\u00e9"."""

STOP_WORDS = frozenset(word for words in _STOP_WORDS.values() for word in words.split())
"""Function words in lower case. BM25 gives common words almost no weight in a library of their language, but in one of
another language they are rare."""


def without_elision(word: str) -> str:
    """Return a word without an article or preposition before its apostrophe: "l'\u00e9t\u00e9" is "\u00e9t\u00e9"."""
    before, apostrophe, rest = word.partition("'")
    return rest if apostrophe and rest and before.casefold() in _ELISIONS else word
