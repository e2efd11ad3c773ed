"""Takes each guard out of a copy of the program, and sees a test fail: an untested guard is no guard.

Run: python -m tests.guards [part of a name]. Ends with 1 when a guard can go without a test noticing.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PARTS = ("engine", "easel", "worker", "web_checkout", "bots", "tests", "pyproject.toml", "CHANGELOG.md")
SECONDS = 120
MIGRATION = "engine/migrations/versions/2026_11_20_ledger.py"
TRIGGERS = "engine/migrations/append_only.py"
OPENING = "engine/ledger/opening.py"
ASKING = "engine/generations/asking.py"
STEPS = "engine/generations/steps.py"
ARRIVING = "engine/generations/arriving.py"
SUBMISSIONS = "engine/generations/submissions.py"
FAL_WEBHOOK = "worker/providers/fal_webhook.py"
WATCHING = "engine/generations/watching.py"
GENERATION_CHECKS = "engine/audit/generation_checks.py"
PICTURES = "engine/migrations/versions/2026_11_20_pictures.py"


@dataclass(frozen=True)
class Guard:
    """One guard: where it stands, what is put in its place, and which tests have to fail then."""

    name: str
    file: str
    guard: str
    without: str
    tests: str


GUARDS = (
    Guard("row lock", OPENING, "_LOCK_ONE = Hot(sa.select(*_COLUMNS).where(accounts.c.id == sa.bindparam(\"id\"))"
          ".with_for_update(key_share=True))", "_LOCK_ONE = Hot(sa.select(*_COLUMNS).where(accounts.c.id == "
          "sa.bindparam(\"id\")))", "test_races.py -k exactly_one"),
    Guard("lock, then read", OPENING, "return load(work, open_account(lock(work, account_id)[account_id]), key)",
          "seen = load(work, open_account(look(work, account_id).account), key); lock(work, account_id); return seen",
          "test_races.py -k meanwhile"),
    Guard("time read after the lock", "engine/clock.py", 'return "clock_timestamp()"', 'return "now()"',
          "test_races.py -k reads_the_time"),
    Guard("merged_into read again under the lock", OPENING, "if account.merged_into is not None:", "if False:",
          "test_races.py -k refused"),
    Guard("settle finds the survivor", "engine/ledger/moving.py", "while survivor.merged_into is not None:",
          "while False:", "test_races.py -k moves_the_release"),
    Guard("locks in id order", "engine/database.py", "if fresh and self.locked and fresh[0] < max(self.locked):",
          "if False:", "test_races.py -k out_of_order"),
    Guard("guests counted under the lock", ASKING,
          "rows = ledger.lock(work, ask.account_id, payer_id)",
          "rows = {one: ledger.look(work, one).account for one in (ask.account_id, payer_id)}",
          "test_races.py -k slots"),
    Guard("first result of a key", OPENING, "if wallet.earlier is None:", "if True:", "test_ledger.py -k same_hold"),
    Guard("same key, other content", OPENING, "if row.asked != canonical(asked):", "if False:",
          "test_ledger.py -k same_hold"),
    Guard("same request, other content", ASKING, "if not is_theirs or", "if False and",
          "test_generations.py"),
    Guard("a clock set back", "engine/ledger/dues.py", "return day is not None and day > today", "return False",
          "test_ledger.py -k set_back"),
    Guard("expired credits don't spend", "engine/ledger/wallet.py",
          "return grant.expires_at is not None and grant.expires_at <= self.now", "return False",
          "test_ledger.py -k expired"),
    Guard("bought credits wait in a dispute", "engine/ledger/wallet.py", "return grant.is_contested or",
          "return False and", "test_ledger.py -k dispute"),
    Guard("marked credits", "engine/ledger/verbs.py", "revoked = min(grant.marked, released)", "revoked = 0",
          "test_ledger.py -k held_at_a_refund"),
    Guard("unique business key", MIGRATION,
          'sa.UniqueConstraint("account_id", "key", name=op.f("uq_transactions_account_id_key")),', "",
          "test_forbidden.py -k refuses-or-uq_transactions"),
    Guard("unique version", MIGRATION,
          'sa.PrimaryKeyConstraint("account_id", "version", name=op.f("pk_transactions")),', "",
          "test_forbidden.py -k pk_transactions"),
    Guard("unique request", MIGRATION,
          'sa.UniqueConstraint("platform", "request_key", name=op.f("uq_generations_platform_request_key")),', "",
          "test_forbidden.py -k uq_generations"),
    Guard("nothing lost", MIGRATION, '"issued = available + held + spent + lapsed + revoked + moved"', '"1 = 1"',
          "test_forbidden.py -k nothing_lost"),
    Guard("never below zero", MIGRATION, 'sa.CheckConstraint("available >= 0"', 'sa.CheckConstraint("1 = 1"',
          "test_forbidden.py -k ck_grants_available"),
    Guard("guests own nothing", MIGRATION, "\"standing <> 'guest' OR balance = 0\"", '"1 = 1"',
          "test_forbidden.py -k guests_own"),
    Guard("closed is empty", MIGRATION, '"merged_into IS NULL OR balance = 0"', '"1 = 1"',
          "test_forbidden.py -k closed_is_empty"),
    Guard("UPDATE trigger, PostgreSQL", TRIGGERS, '("UPDATE", "DELETE", "TRUNCATE")', '("DELETE", "TRUNCATE")',
          "test_forbidden.py -k cannot_be_changed"),
    Guard("DELETE trigger, PostgreSQL", TRIGGERS, '("UPDATE", "DELETE", "TRUNCATE")', '("UPDATE", "TRUNCATE")',
          "test_forbidden.py -k cannot_be_changed"),
    Guard("TRUNCATE trigger, PostgreSQL", TRIGGERS, '("UPDATE", "DELETE", "TRUNCATE")', '("UPDATE", "DELETE")',
          "test_forbidden.py -k cannot_be_changed"),
    Guard("UPDATE trigger, SQLite", TRIGGERS, '("UPDATE", "DELETE"):', '("DELETE",):',
          "test_forbidden.py -k cannot_be_changed"),
    Guard("DELETE trigger, SQLite", TRIGGERS, '("UPDATE", "DELETE"):', '("UPDATE",):',
          "test_forbidden.py -k cannot_be_changed"),
    Guard("REPLACE fires triggers, SQLite", "engine/database.py", '"PRAGMA recursive_triggers=ON"', '"SELECT 1"',
          "test_forbidden.py -k cannot_be_changed"),
    Guard("digest over the content", "engine/ledger/chain.py", "        entry.actor,\n", "",
          "test_forbidden.py -k actor"),
    Guard("digest over the one before", "engine/ledger/chain.py", "        previous.hex(),\n", "",
          "test_chain.py"),
    Guard("digests compared", "engine/audit/chains.py", "if ends[row.account_id] != row.digest:", "if False:",
          "test_forbidden.py -k first_broken"),
    Guard("head compared", "engine/audit/chains.py",
          "if account_id not in broken and ends.get(account_id, GENESIS) != head.head:", "if False:",
          "test_forbidden.py -k tampered"),
    Guard("charges compared", GENERATION_CHECKS, "AND n.charged <> (", "AND 0 > (",
          "test_forbidden.py -k tampered and charge and sqlite"),
    Guard("pictures compared", GENERATION_CHECKS,
          "WHERE n.state <> 'stored' OR n.bytes_stored <> p.bytes", "WHERE 1 = 0",
          "test_forbidden.py -k tampered and picture and sqlite"),
    Guard("one lease at a time", STEPS,
          "            is_free(now),\n", "", "test_steps.py -k one_worker and sqlite"),
    Guard("no lease while the provider has it", STEPS,
          "generations.c.state.in_([state.value for state in WAITING_FOR[step]]),", "",
          "test_steps.py -k nobody_works and sqlite"),
    Guard("no lease, no write", STEPS, "generations.c.lease_token == held.token,", "",
          "test_steps.py -k lost_his_lease and sqlite"),
    Guard("no lease, no picture", STEPS, "generation.lease_token != held.token or", "",
          "test_steps.py -k lost_his_lease and sqlite"),
    Guard("no lease, no failure", STEPS, "(token is not None and generation.lease_token != token)", "False",
          "test_steps.py -k lost_his_lease and sqlite"),
    Guard("one failure", STEPS, "if not generation.is_open or (token", "if (token",
          "test_steps.py -k gives_back_once and sqlite"),
    Guard("a try ends once", SUBMISSIONS,
          "            submissions.c.outcome.in_([one.value for one in MAY_STILL_END]),\n", "",
          "test_arriving.py -k are_known and sqlite"),
    Guard("a try of its own request", ARRIVING,
          "    if submission is None or submission.request_id not in (None, request_id):\n"
          "        return Arrival.FOREIGN\n    if not", "    if not", "test_arriving.py -k foreign and sqlite"),
    Guard("a result for whom it is still open", ARRIVING,
          ", generations.c.state.in_([state.value for state in WAITS]))", ",)",
          "test_arriving.py -k costs_us and sqlite"),
    Guard("a failure ends its own try only", ARRIVING,
          "is_used = _is_awaited(generation, attempt, request_id) and", "is_used =",
          "test_arriving.py -k does_not_end_the_second and sqlite"),
    Guard("tried once more at most", ARRIVING,
          "failed.is_permanent or generation.submits >= work.settings.submits", "failed.is_permanent",
          "test_arriving.py -k tried_once_more and sqlite"),
    Guard("what nobody wants is stopped", STEPS,
          "    submissions.close(work, generation_id)\n    if generation.state is State.READY",
          "    if generation.state is State.READY", "test_steps.py -k gives_back_once and sqlite"),
    Guard("the fifth failure opens", "engine/circuits.py", "row.failures + 1 >= most", "False",
          "test_circuits.py -k fifth and sqlite"),
    Guard("one probes", "engine/circuits.py", ".order_by(circuits.c.model_id).with_for_update())",
          ".order_by(circuits.c.model_id))",
          "test_circuits.py -k anothers_probe"),
    Guard("no hold for a model that rests", "engine/policies/resting.py", "if until is not None:", "if False:",
          "test_circuits.py -k before_anything_is_held and sqlite"),
    Guard("fal's signature", FAL_WEBHOOK,
          "if not _is_by(self._known(), signed) and not _is_by(self._newer(), signed):", "if False:",
          "worker/test_fal_webhook.py"),
    Guard("a signature of lately", FAL_WEBHOOK, "if abs(time() - int(timestamp)) > OLDEST_SECONDS:", "if False:",
          "worker/test_fal_webhook.py"),
    Guard("the body's own request", FAL_WEBHOOK, 'if content.get("request_id") != request_id:', "if False:",
          "worker/test_fal_webhook.py"),
    Guard("our own signature", "worker/callbacks.py", "if hmac.compare_digest(ours, found[3]) else None", "",
          "worker/test_callbacks.py"),
    Guard("one POST a submit", "worker/providers/fal_wire.py",
          "            raise Unanswered(_named(error), bool(left)) from None\n        return",
          "            raise\n        return",
          "worker/test_fal.py -k drop-after"),
    Guard("nothing is submitted for the banned", STEPS, 
          "banned.find(work, generation.account_id, generation.space_id):\n        fail",
          "False:\n        fail", "test_steps.py -k banned and sqlite"),
    Guard("nothing is stored for the banned", STEPS, 
          "banned.find(work, generation.account_id, generation.space_id):\n        tasks",
          "False:\n        tasks", "test_steps.py -k banned and sqlite"),
    Guard("so many submits", STEPS, "if generation.submits >= work.settings.submits:", "if False:",
          "test_steps.py -k once_more and sqlite"),
    Guard("nobody gives up too early", WATCHING, "or generation.deadline_at > now:", "or False:",
          "test_steps.py -k too_long and sqlite"),
    Guard("nobody gives up what is worked on", WATCHING, "not is_idle or", "",
          "test_steps.py -k too_long and sqlite"),
    Guard("too late to cancel", ASKING, "if generation.state is not State.QUEUED and not waits_there:", "if False:",
          "test_watching.py -k too_late and sqlite"),
    Guard("row locked at its end", "engine/generations/ending.py", "get(work, generation_id, locked=True)",
          "get(work, generation_id)", "test_watching.py -k being_written"),
    Guard("bought credits are spared", "engine/ledger/verbs.py", "if not (spare_bought and grant.source in BOUGHT)", "",
          "test_preferences.py -k before_a_subscription and sqlite"),
    Guard("bought credits are asked for", "engine/policies/credits.py", "if not attempt.may_spend_bought and",
          "if False and", "test_preferences.py -k a_yes_spends and sqlite"),
    Guard("own cap", "engine/policies/own_cap.py", "if spent + attempt.price > cap:", "if False:",
          "test_preferences.py -k cap and sqlite"),
    Guard("own cap counts what was charged", "engine/policies/own_cap.py", "else_=generations.c.charged",
          "else_=generations.c.price", "test_preferences.py -k given_back and sqlite"),
    Guard("price as shown", "engine/policies/price.py", "if attempt.shown_price is not None and", "if False and",
          "test_policies.py -k another_price and sqlite"),
    Guard("one delivery", PICTURES,
          'sa.UniqueConstraint("generation_id", name=op.f("uq_deliveries_generation_id")),', "",
          "test_forbidden.py -k uq_deliveries and sqlite"),
    Guard("shown once", "engine/deliveries.py", ', deliveries.c.state == "pending")', ",)",
          "test_deliveries.py -k not_shown_again and sqlite"),
    Guard("revoked keys are dead", "engine/keys.py",
          "_hash(secret), personal_keys.c.revoked_at.is_(None))", "_hash(secret),)",
          "test_keys_and_sessions.py -k revoked and sqlite"),
    Guard("old sessions are dead", "engine/sessions.py", "sessions.c.seen_at > work.now() - LIFE)", "sa.true())",
          "test_keys_and_sessions.py -k a_year and sqlite"),
    Guard("look-alikes", "engine/words.py", "bare.translate(_LOOKALIKES)", "bare", "test_words.py -k found_behind"),
    Guard("signs for letters", "engine/words.py", "sign + _SIGNS.get(sign, '')", "sign",
          "test_words.py -k found_behind"),
)  # fmt: skip


def main(part: str = "") -> int:
    """Try every guard, two at a time; returns how many could go unnoticed."""
    started = time.monotonic()
    chosen = [guard for guard in GUARDS if part in guard.name]
    with ThreadPoolExecutor(2) as pool:
        missed = [guard for guard, noticed in zip(chosen, pool.map(is_noticed, chosen), strict=True) if not noticed]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} guards are tested, {time.monotonic() - started:.0f} s")
    return len(missed)


def is_noticed(guard: Guard) -> bool:
    """Whether its tests fail without the guard: fail, not just stop for another reason."""
    with tempfile.TemporaryDirectory(prefix="easel-guard-") as folder:
        copy = Path(folder)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            elif (ROOT / part).exists():
                shutil.copy(ROOT / part, copy / part)
        text = (copy / guard.file).read_text()
        if text.count(guard.guard) != 1:
            print(f"NOT FOUND once  {guard.name}: {guard.guard}")
            return False
        (copy / guard.file).write_text(text.replace(guard.guard, guard.without))
        ended = _run_tests(copy, guard)
    print(f"{'noticed' if ended == 1 else f'MISSED (status {ended})'}  {guard.name}", flush=True)
    return ended == 1


def _run_tests(copy: Path, guard: Guard) -> int:
    file, _, selection = guard.tests.partition(" -k ")
    where = f"tests/{file}" if "/" in file else f"tests/engine/{file}"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", where]
    if selection:
        command += ["-k", selection.replace("-or-", " or ")]
    try:
        return subprocess.run(command, cwd=copy, capture_output=True, timeout=SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        return -1


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:2]) else 0)
