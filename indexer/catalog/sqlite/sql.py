"""Statements that SQLAlchemy has no constructs for."""

from __future__ import annotations

from sqlalchemy import text

MONTHS = text("""
WITH RECURSIVE months(start) AS (
    SELECT date(min(taken_at), 'start of month') FROM items
    UNION ALL SELECT (
        SELECT date(min(taken_at), 'start of month') FROM items WHERE taken_at >= ifnull(date(start, '+1 month'), ':')
    ) FROM months WHERE start IS NOT NULL
)
SELECT substr(start, 1, 7), (
    SELECT group_concat(id) FROM items WHERE taken_at >= start AND taken_at < ifnull(date(start, '+1 month'), ':')
) FROM months WHERE start IS NOT NULL
""")
"""Each month with items and their ids, by skipping through the index of times: grouping would sort all of them. SQLite
has no date after 9999; a colon follows every date."""

FOLDERS = text("""
WITH roots AS (
    SELECT root, CASE root WHEN :separator THEN root ELSE CAST(root || :separator AS BLOB) END AS start,
        CAST(CASE root WHEN :separator THEN '' ELSE root END || :after AS BLOB) AS end
    FROM sources WHERE collection IS NULL
), paths AS (
    SELECT items.id, root, substr(path, length(start) + 1) AS rest FROM roots
    CROSS JOIN items ON path >= start AND path < end
)
SELECT root, substr(rest, 1, max(instr(rest, :separator) - 1, 0)) AS folder, group_concat(id)
FROM paths GROUP BY 1, 2
""")
"""The folders in each source with the ids of their items, from the index of paths; "" for what is in none of them."""
