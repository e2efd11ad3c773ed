"""Invariants of purchases, refunds, disputes and debts, each one SQL query that finds what breaks it.

`:low` and `:high` bound the account ids, so that a million accounts are looked at in slices.
"""

from engine.audit.check import Check

_NET_REVOKED = """
    SUM(CASE WHEN x.to_bucket = 'revoked' THEN x.amount WHEN x.from_bucket = 'revoked' THEN -x.amount ELSE 0 END)
"""

_BEFORE_NUMBER = "RTRIM(t.key, '0123456789')"
"""A key of the form reversal:<purchase>:<n> without its n."""

REFUND_CHECKS = (
    Check(
        "marks",
        "Only credits of a refunded purchase, or a share too many after a link, are marked in a hold.",
        "grants",
        """
        SELECT g.account_id, g.number FROM grants g JOIN accounts a ON a.id = g.account_id
        WHERE g.account_id BETWEEN :low AND :high AND g.marked > 0 AND g.purchase_id IS NULL
          AND (g.source NOT IN ('daily', 'welcome') OR (a.merged_into IS NULL AND NOT EXISTS (
               SELECT 1 FROM accounts b WHERE b.merged_into = a.id)))
        """,
    ),
    Check(
        "purchases",
        "A purchase was credited once, with exactly what was bought.",
        "purchases",
        """
        SELECT p.id, p.account_id FROM purchases p LEFT JOIN (
            SELECT purchase_id, SUM(issued) AS issued, COUNT(*) AS n FROM grants
            WHERE origin_number IS NULL
              AND purchase_id IN (SELECT id FROM purchases WHERE account_id BETWEEN :low AND :high) GROUP BY purchase_id
        ) g ON g.purchase_id = p.id
        WHERE p.account_id BETWEEN :low AND :high AND (COALESCE(g.n, 0) <> 1 OR g.issued <> p.credits)
        """,
    ),
    Check(
        "reversals",
        "What a refund wants back of a purchase is revoked, marked in a hold, owed or forgiven, and no more.",
        "purchases",
        f"""
        SELECT p.id, p.target FROM purchases p
        LEFT JOIN debts d ON d.purchase_id = p.id
        LEFT JOIN (
            SELECT purchase_id, SUM(marked) AS marked FROM grants
            WHERE purchase_id IN (SELECT id FROM purchases WHERE account_id BETWEEN :low AND :high) GROUP BY purchase_id
        ) m ON m.purchase_id = p.id
        LEFT JOIN (
            SELECT g.purchase_id, {_NET_REVOKED} AS revoked FROM grants g
            JOIN transfers x ON x.account_id = g.account_id AND x.grant_number = g.number
            JOIN transactions t ON t.account_id = x.account_id AND t.version = x.version
            WHERE g.purchase_id IN (SELECT id FROM purchases WHERE account_id BETWEEN :low AND :high)
              AND t.kind IN ('reversal', 'settle') GROUP BY g.purchase_id
        ) r ON r.purchase_id = p.id
        WHERE p.account_id BETWEEN :low AND :high
          AND p.target <> COALESCE(r.revoked, 0) + COALESCE(m.marked, 0) + COALESCE(d.owed, 0) + p.forgiven
        """,
    ),
    Check(
        "refunds",
        "What a purchase says of its refund and its dispute is what its last reversal in the buyer's chain says.",
        "purchases",
        f"""
        WITH RECURSIVE line(purchase_id, account_id) AS (
            SELECT id, account_id FROM purchases WHERE account_id BETWEEN :low AND :high AND reversals > 0
            UNION SELECT l.purchase_id, a.id FROM line l JOIN accounts a ON a.merged_into = l.account_id
        ), said(purchase_id) AS (
            SELECT l.purchase_id FROM line l JOIN purchases p ON p.id = l.purchase_id
            JOIN transactions t ON t.account_id = l.account_id AND t.key = 'reversal:' || p.id || ':' || p.reversals
            WHERE t.asked = '["reversal","' || p.id || '",' || p.target || ',' || p.forgiven || ','
                  || CASE WHEN p.is_disputed THEN 'true' ELSE 'false' END || ']'
        )
        SELECT p.id, p.target FROM purchases p WHERE p.account_id BETWEEN :low AND :high
          AND ((p.reversals = 0 AND (p.target <> 0 OR p.forgiven <> 0 OR p.is_disputed))
               OR (p.reversals > 0 AND p.id NOT IN (SELECT purchase_id FROM said)))
        UNION ALL
        SELECT p.id, p.target FROM transactions t
        JOIN purchases p ON p.id = SUBSTR({_BEFORE_NUMBER}, 10, LENGTH({_BEFORE_NUMBER}) - 10)
        WHERE t.account_id BETWEEN :low AND :high AND t.kind = 'reversal'
          AND CAST(SUBSTR(t.key, LENGTH({_BEFORE_NUMBER}) + 1) AS INTEGER) > p.reversals
        """,
    ),
    Check(
        "debts",
        "What is paid of a debt is what other grants gave for it and did not get back.",
        "debts",
        f"""
        WITH RECURSIVE line(purchase_id, account_id) AS (
            SELECT purchase_id, account_id FROM debts WHERE account_id BETWEEN :low AND :high
            UNION SELECT l.purchase_id, a.id FROM line l JOIN accounts a ON a.merged_into = l.account_id
        )
        SELECT d.purchase_id, d.paid FROM debts d LEFT JOIN (
            SELECT l.purchase_id, {_NET_REVOKED} AS paid FROM line l
            JOIN transactions t ON t.account_id = l.account_id AND t.kind = 'debt'
             AND SUBSTR(t.key, 1, LENGTH(l.purchase_id) + 6) = 'debt:' || l.purchase_id || ':'
            JOIN transfers x ON x.account_id = t.account_id AND x.version = t.version
            GROUP BY l.purchase_id
        ) s ON s.purchase_id = d.purchase_id
        WHERE d.account_id BETWEEN :low AND :high AND d.paid <> COALESCE(s.paid, 0)
        """,
    ),
)
