"""What all tables of the catalog belong to."""

from __future__ import annotations

from sqlalchemy import MetaData

_NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints have names so that migrations can refer to them."""

METADATA = MetaData(naming_convention=_NAMING_CONVENTION)
"""All tables."""
