"""Invariants of credits, chains and accounts, each one SQL query that finds what breaks it.

`:low` and `:high` bound the account ids, so that a million accounts are looked at in slices.
"""

from engine.audit.check import Check

_BUCKETS = ("available", "held", "spent", "lapsed", "revoked", "moved")
_SUMS = ", ".join(
    f"SUM(CASE '{bucket}' WHEN to_bucket THEN amount WHEN from_bucket THEN -amount ELSE 0 END) AS {bucket}"
    for bucket in _BUCKETS
)
_DIFFERS = " OR ".join(f"g.{bucket} <> COALESCE(t.{bucket}, 0)" for bucket in ("issued", *_BUCKETS))

_FAMILY = """
    WITH RECURSIVE family(head, id) AS (
        SELECT id, id FROM accounts WHERE id BETWEEN :low AND :high
        UNION SELECT f.head, a.id FROM family f JOIN accounts a ON a.merged_into = f.id
    )
"""

CREDIT_CHECKS = (
    Check(
        "parents",
        "Every grant and transaction belongs to an account, every transfer to a transaction and a grant.",
        "transfers",
        """
        SELECT 'grant', g.account_id, g.number FROM grants g LEFT JOIN accounts a ON a.id = g.account_id
        WHERE g.account_id BETWEEN :low AND :high AND a.id IS NULL
        UNION ALL
        SELECT 'transaction', t.account_id, t.version FROM transactions t LEFT JOIN accounts a ON a.id = t.account_id
        WHERE t.account_id BETWEEN :low AND :high AND a.id IS NULL
        UNION ALL
        SELECT 'transfer', x.account_id, x.version FROM transfers x
        LEFT JOIN transactions t ON t.account_id = x.account_id AND t.version = x.version
        LEFT JOIN grants g ON g.account_id = x.account_id AND g.number = x.grant_number
        WHERE x.account_id BETWEEN :low AND :high AND (t.version IS NULL OR g.number IS NULL)
        """,
    ),
    Check(
        "buckets",
        "Each bucket of a grant is the sum of its transfers, and together they are what was issued.",
        "grants",
        f"""
        SELECT g.account_id, g.number FROM grants g LEFT JOIN (
            SELECT account_id, grant_number, {_SUMS},
                   SUM(CASE WHEN from_bucket = 'issued' THEN amount ELSE 0 END) AS issued
            FROM transfers WHERE account_id BETWEEN :low AND :high GROUP BY account_id, grant_number
        ) t ON t.account_id = g.account_id AND t.grant_number = g.number
        WHERE g.account_id BETWEEN :low AND :high
          AND ({_DIFFERS} OR g.issued <> g.available + g.held + g.spent + g.lapsed + g.revoked + g.moved)
        """,
    ),
    Check(
        "versions",
        "An account's transactions are numbered from 1 to its version without a gap.",
        "accounts",
        """
        SELECT a.id, a.version FROM accounts a LEFT JOIN (
            SELECT account_id, COUNT(*) AS n, MAX(version) AS last FROM transactions
            WHERE account_id BETWEEN :low AND :high GROUP BY account_id
        ) t ON t.account_id = a.id
        WHERE a.id BETWEEN :low AND :high AND (a.version <> COALESCE(t.n, 0) OR a.version <> COALESCE(t.last, 0))
        """,
    ),
    Check(
        "balances",
        "The balance after each transaction is the one before it plus what became available minus what no longer is.",
        "transactions",
        """
        SELECT t.account_id, t.version FROM (
            SELECT account_id, version, balance,
                   LAG(balance, 1, 0) OVER (PARTITION BY account_id ORDER BY version) AS before
            FROM transactions WHERE account_id BETWEEN :low AND :high
        ) t LEFT JOIN (
            SELECT account_id, version,
                   SUM(CASE WHEN to_bucket = 'available' THEN amount
                            WHEN from_bucket = 'available' THEN -amount ELSE 0 END) AS change
            FROM transfers WHERE account_id BETWEEN :low AND :high GROUP BY account_id, version
        ) x ON x.account_id = t.account_id AND x.version = t.version
        WHERE t.balance <> t.before + COALESCE(x.change, 0)
        """,
    ),
    Check(
        "account balance",
        "An account's balance is what its grants have available, and its count of grants is theirs.",
        "accounts",
        """
        SELECT a.id, a.balance FROM accounts a LEFT JOIN (
            SELECT account_id, SUM(available) AS available, COUNT(*) AS n, MAX(number) AS last FROM grants
            WHERE account_id BETWEEN :low AND :high GROUP BY account_id
        ) g ON g.account_id = a.id
        WHERE a.id BETWEEN :low AND :high
          AND (a.balance <> COALESCE(g.available, 0) OR a.grants_issued <> COALESCE(g.n, 0)
               OR a.grants_issued <> COALESCE(g.last, 0))
        """,
    ),
    Check(
        "open holds",
        "What an account holds is what its holds without a settle took.",
        "accounts",
        """
        SELECT a.id, COALESCE(g.held, 0) AS held FROM accounts a LEFT JOIN (
            SELECT account_id, SUM(held) AS held FROM grants
            WHERE account_id BETWEEN :low AND :high GROUP BY account_id
        ) g ON g.account_id = a.id LEFT JOIN (
            SELECT h.account_id, SUM(x.amount) AS held FROM transactions h
            JOIN transfers x ON x.account_id = h.account_id AND x.version = h.version
            LEFT JOIN transactions s ON s.account_id = h.account_id AND s.key = 'settle:' || SUBSTR(h.key, 6)
            WHERE h.account_id BETWEEN :low AND :high AND h.kind = 'hold' AND s.version IS NULL
            GROUP BY h.account_id
        ) o ON o.account_id = a.id
        WHERE a.id BETWEEN :low AND :high AND COALESCE(g.held, 0) <> COALESCE(o.held, 0)
        """,
    ),
    Check(
        "settles",
        "A settle ends exactly one hold: each grant gets back or spends just what that hold took from it.",
        "transactions",
        """
        SELECT s.account_id, s.version FROM transactions s
        LEFT JOIN transactions h ON h.account_id = s.account_id AND h.key = 'hold:' || SUBSTR(s.key, 8)
        WHERE s.account_id BETWEEN :low AND :high AND s.kind = 'settle' AND (h.version IS NULL OR EXISTS (
            SELECT 1 FROM transfers x
            WHERE x.account_id = s.account_id AND x.version IN (s.version, h.version)
            GROUP BY x.grant_number
            HAVING SUM(CASE WHEN x.to_bucket = 'held' THEN x.amount
                            WHEN x.from_bucket = 'held' THEN -x.amount ELSE 0 END) <> 0))
        """,
    ),
    Check(
        "generations",
        "A paid generation has one hold of its price; it has a settle exactly when it has ended, and only a stored one "
        "spent anything.",
        "generations",
        """
        SELECT n.id, n.state FROM generations n
        LEFT JOIN transactions h ON h.account_id = n.payer_id AND h.key = 'hold:' || n.id
        LEFT JOIN transactions s ON s.account_id = n.payer_id AND s.key = 'settle:' || n.id
        WHERE n.account_id BETWEEN :low AND :high AND (
            (n.price > 0) <> (h.version IS NOT NULL)
            OR (n.price > 0 AND n.ended_at IS NOT NULL) <> (s.version IS NOT NULL)
            OR (n.ended_at IS NOT NULL) <> (n.state IN ('stored', 'failed', 'cancelled'))
            OR n.price <> (SELECT COALESCE(SUM(x.amount), 0) FROM transfers x
                           WHERE x.account_id = h.account_id AND x.version = h.version)
            OR (n.state <> 'stored' AND EXISTS (SELECT 1 FROM transfers x WHERE x.account_id = s.account_id
                                                AND x.version = s.version AND x.to_bucket = 'spent')))
        """,
    ),
    Check(
        "holds",
        "Every hold belongs to a generation that this account pays for.",
        "transactions",
        """
        SELECT t.account_id, t.version FROM transactions t
        LEFT JOIN generations n ON 'hold:' || n.id = t.key AND n.payer_id = t.account_id
        WHERE t.account_id BETWEEN :low AND :high AND t.kind = 'hold' AND n.id IS NULL
        """,
    ),
    Check(
        "moves",
        "What moved out of a grant is what the grants that name it as their origin were issued.",
        "grants",
        """
        SELECT g.account_id, g.number FROM grants g LEFT JOIN (
            SELECT origin_account_id, origin_number, SUM(issued) AS issued FROM grants
            WHERE origin_account_id BETWEEN :low AND :high GROUP BY origin_account_id, origin_number
        ) c ON c.origin_account_id = g.account_id AND c.origin_number = g.number
        WHERE g.account_id BETWEEN :low AND :high AND g.moved <> COALESCE(c.issued, 0)
        """,
    ),
    Check(
        "origins",
        "A grant with an origin keeps its purchase and its end, and its source unless it was a gift.",
        "grants",
        """
        SELECT g.account_id, g.number FROM grants g
        LEFT JOIN grants o ON o.account_id = g.origin_account_id AND o.number = g.origin_number
        WHERE g.account_id BETWEEN :low AND :high AND g.origin_number IS NOT NULL AND (
            o.number IS NULL OR (g.source <> o.source AND g.source <> 'gift')
            OR COALESCE(g.purchase_id, '') <> COALESCE(o.purchase_id, '')
            OR (g.expires_at IS NULL) <> (o.expires_at IS NULL) OR g.expires_at <> o.expires_at)
        """,
    ),
    Check(
        "peers",
        "Credits that arrived from another account left it in a transaction whose digest the arrival carries.",
        "transactions",
        """
        SELECT DISTINCT t.account_id, t.version FROM transactions t
        JOIN transfers x ON x.account_id = t.account_id AND x.version = t.version AND x.from_bucket = 'issued'
        JOIN grants g ON g.account_id = x.account_id AND g.number = x.grant_number
        LEFT JOIN transactions o ON o.account_id = g.origin_account_id AND o.key = t.key
        WHERE t.account_id BETWEEN :low AND :high AND g.origin_number IS NOT NULL
          AND (o.version IS NULL OR t.peer IS NULL OR t.peer <> o.digest)
        """,
    ),
    Check(
        "links",
        "A closed account ends in a link that the surviving chain carries, and nothing belongs to it any more.",
        "accounts",
        """
        SELECT a.id, a.merged_into FROM accounts a
        LEFT JOIN transactions l ON l.account_id = a.id AND l.kind = 'link'
        LEFT JOIN transactions j ON j.account_id = a.merged_into AND j.kind = 'join' AND j.key = l.key
        WHERE a.id BETWEEN :low AND :high AND a.merged_into IS NOT NULL AND (
            j.version IS NULL OR j.peer IS NULL OR j.peer <> l.digest OR a.balance <> 0
            OR EXISTS (SELECT 1 FROM identities i WHERE i.account_id = a.id)
            OR EXISTS (SELECT 1 FROM purchases p WHERE p.account_id = a.id)
            OR EXISTS (SELECT 1 FROM debts d WHERE d.account_id = a.id)
            OR EXISTS (SELECT 1 FROM generations n WHERE n.account_id = a.id))
        """,
    ),
    Check(
        "open accounts",
        "An account whose chain ends in a link is closed.",
        "accounts",
        """
        SELECT a.id, l.version FROM accounts a JOIN transactions l ON l.account_id = a.id AND l.kind = 'link'
        WHERE a.id BETWEEN :low AND :high AND a.merged_into IS NULL
        """,
    ),
    Check(
        "once a person",
        "What an account says it was given of welcome credits and of a day is what its chains say.",
        "accounts",
        f"""
        {_FAMILY}, given(head, welcome, day) AS (
            SELECT f.head, MAX(CASE WHEN t.kind = 'welcome' THEN x.amount ELSE 0 END),
                   MAX(CASE WHEN t.kind = 'daily' THEN SUBSTR(t.asked, 11, 10) END)
            FROM family f JOIN transactions t ON t.account_id = f.id AND t.kind IN ('welcome', 'daily')
            JOIN transfers x ON x.account_id = t.account_id AND x.version = t.version GROUP BY f.head
        )
        SELECT a.id, a.welcome_issued, a.allowance_day FROM accounts a LEFT JOIN given g ON g.head = a.id
        WHERE a.id BETWEEN :low AND :high AND (
            a.welcome_issued <> COALESCE(g.welcome, 0)
            OR COALESCE(CAST(a.allowance_day AS TEXT), '') <> COALESCE(g.day, '')
            OR (a.allowance_day IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM family f JOIN transactions t ON t.account_id = f.id AND t.kind = 'daily'
                WHERE f.head = a.id
                  AND t.asked = '["daily","' || CAST(a.allowance_day AS TEXT) || '",' || a.allowance_issued || ']')))
        """,
    ),
    Check(
        "guests",
        "A guest owns no credits and never did.",
        "accounts",
        """
        SELECT a.id, a.balance FROM accounts a
        WHERE a.id BETWEEN :low AND :high AND a.standing = 'guest'
          AND (a.balance <> 0 OR EXISTS (SELECT 1 FROM grants g WHERE g.account_id = a.id))
        """,
    ),
    Check(
        "storage",
        "An account's bytes are those of its pictures, and those kept free for its running generations.",
        "accounts",
        """
        SELECT a.id, a.bytes_used FROM accounts a LEFT JOIN (
            SELECT account_id, SUM(bytes_stored) AS stored, SUM(bytes_held) AS held FROM generations
            WHERE account_id BETWEEN :low AND :high GROUP BY account_id
        ) n ON n.account_id = a.id
        WHERE a.id BETWEEN :low AND :high
          AND (a.bytes_used <> COALESCE(n.stored, 0) OR a.bytes_held <> COALESCE(n.held, 0))
        """,
    ),
)
