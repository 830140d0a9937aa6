"""Statements that SQLAlchemy has no constructs for."""

from __future__ import annotations

from sqlalchemy import text

MONTHS = text("""
SELECT to_char(start, 'YYYY-MM'), string_agg(CAST(id AS TEXT), ',') FROM (
    SELECT date_trunc('month', taken_at) AS start, id FROM items WHERE taken_at IS NOT NULL
) AS months GROUP BY start ORDER BY start
""")
"""Each month with items and their ids, the earliest first."""

FOLDERS = text("""
WITH roots AS (
    SELECT root,
        CASE WHEN root = CAST(:separator AS BYTEA) THEN root ELSE root || CAST(:separator AS BYTEA) END AS start,
        CASE WHEN root = CAST(:separator AS BYTEA) THEN CAST('' AS BYTEA) ELSE root END
            || convert_to(CAST(:after AS TEXT), 'UTF8') AS stop
    FROM sources WHERE collection IS NULL
), paths AS (
    SELECT items.id, root, substr(path, length(start) + 1) AS rest FROM roots
    CROSS JOIN items WHERE path >= start AND path < stop
)
SELECT root, substr(rest, 1, greatest(position(CAST(:separator AS BYTEA) IN rest) - 1, 0)) AS folder,
    string_agg(CAST(id AS TEXT), ',')
FROM paths GROUP BY 1, 2
""")
"""The folders in each source with the ids of their items, from the index of paths; "" for what is in none of them."""
