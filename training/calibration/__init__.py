"""Fits what turns evidence into probabilities, on one half of captioned photos, and measures it on the other."""
