"""Invariants between generations, what they were charged and the pictures that came of them, each one SQL query.

`:low` and `:high` bound the account ids, as in credit_checks.py.
"""

from engine.audit.check import Check

GENERATION_CHECKS = (
    Check(
        "charges",
        "A generation was charged what its settle captured.",
        "generations",
        """
        SELECT n.id, n.charged FROM generations n
        WHERE n.account_id BETWEEN :low AND :high AND (n.state = 'stored' OR n.charged <> 0) AND n.charged <> (
            SELECT COALESCE(SUM(x.amount), 0) FROM transactions s
            JOIN transfers x ON x.account_id = s.account_id AND x.version = s.version AND x.to_bucket = 'spent'
            WHERE s.account_id = n.payer_id AND s.key = 'settle:' || n.id)
        """,
    ),
    Check(
        "pictures",
        "Pictures belong to stored generations, and those of one that has any left take just the bytes it says.",
        "generations",
        """
        SELECT n.id, n.bytes_stored FROM generations n JOIN (
            SELECT p.generation_id, SUM(p.bytes) AS bytes FROM pictures p JOIN generations g ON g.id = p.generation_id
            WHERE g.account_id BETWEEN :low AND :high GROUP BY p.generation_id
        ) p ON p.generation_id = n.id
        WHERE n.state <> 'stored' OR n.bytes_stored <> p.bytes
        """,
    ),
    Check(
        "sources",
        "A picture came from a try that its provider has finished, and no generation has more tries than it counts.",
        "generations",
        """
        SELECT n.id, n.submits FROM generations n
        WHERE n.account_id BETWEEN :low AND :high AND n.submits > 0 AND (
            (n.state = 'stored' AND NOT EXISTS (
                SELECT 1 FROM submissions s WHERE s.generation_id = n.id AND s.provider = n.provider
                AND s.request_id = n.request_id AND s.outcome = 'done'))
            OR n.submits < (SELECT COUNT(*) FROM submissions s WHERE s.generation_id = n.id))
        """,
    ),
)
