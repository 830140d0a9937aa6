"""Places: the town, region and country of a position, from a gazetteer that ships.

gazetteer.py     positions -> names of places; the only module that is used from outside
towns.tsv.gz     towns with more than 15,000 inhabitants, by GeoNames (CC BY 4.0); made by `training.gazetteer`
"""
