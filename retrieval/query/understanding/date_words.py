"""The words of dates, without the patterns that are made of them: these take time to compile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Name = TypeVar("Name", int, str)


def _by_word(groups: Mapping[Name, str]) -> dict[str, Name]:
    return {word.replace("_", " "): value for value, words in groups.items() for word in words.split()}


MONTHS = _by_word({
    1: "january jan januar janvier enero gennaio januari janeiro",
    2: "february feb februar fevrier febrero febbraio februari fevereiro",
    3: "march mar marz mars marzo maart marco",
    4: "april apr avril abril aprile",
    5: "may mai mayo maggio mei maio",
    6: "june jun juni juin junio giugno junho",
    7: "july jul juli juillet julio luglio julho",
    8: "august aug aout agosto augustus",
    9: "september sep sept septembre septiembre settembre setembro",
    10: "october oct okt oktober octobre octubre ottobre outubro",
    11: "november nov novembre noviembre novembro",
    12: "december dec dez dezember decembre diciembre dicembre dezembro",
})  # fmt: skip
"""Months in seven languages, as `fold_text` returns them."""

SEASONS = _by_word({
    "spring": "spring springtime fruhling fruhjahr printemps primavera lente voorjaar",
    "summer": "summer summertime sommer ete verano estate zomer verao",
    "autumn": "autumn fall herbst automne otono autunno herfst outono",
    "winter": "winter wintertime hiver invierno inverno",
})  # fmt: skip

HOLIDAYS = _by_word({
    "Christmas": "christmas xmas weihnachten noel navidad natale kerst kerstmis natal",
    "Christmas Eve": "christmas_eve heiligabend nochebuena",
    "New Year": "new_year new_years new_year's neujahr nouvel_an ano_nuevo ano_novo capodanno",
    "New Year's Eve": "new_year's_eve new_years_eve silvester nochevieja oudejaarsavond",
    "Easter": "easter ostern paques pascua pasqua pasen pascoa",
    "Halloween": "halloween",
})  # fmt: skip

UNITS = {
    "year": "year jahr jahres annee an ano anno jaar",
    "month": "month monat monats mois mes mese maand",
    "week": "week woche semaine semana settimana",
    "weekend": "weekend wochenende week-end",
}
UNIT_OF = {word: unit for unit, words in UNITS.items() for word in words.split()} | SEASONS
"""Periods that have a distance from today."""

TODAY = frozenset(["today", "heute", "hoy", "oggi", "vandaag", "hoje"])
YESTERDAY = frozenset(["yesterday", "gestern", "ayer", "ieri", "gisteren", "ontem"])

AFTER_DISTANCE = ("ago", "geleden", "atras")
BEFORE_DISTANCE = ("vor", "il y a", "hace")
