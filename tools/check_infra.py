"""Check infra/ without a cloud: format, validate, test, plan of both environments, what they differ in, checkov.

Where Terraform or its providers cannot be had, it says so and what to do, and succeeds. `CHECKOV` is checkov's path.
`PLANS=off`: the tests make and compare the same plans (tests/infra/test_plan_environments.py), as CI does beside this.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

from tools.cloud import ENVIRONMENTS, INFRA, REPOSITORY
from tools.terraform import Failed, NotHere, Workplace, command, terraform_environment, workplace
from tools.terraform_plan import Plan, unexplained

CHECKOV = ".venv/checkov/bin/checkov"
# Without a key of theirs in the environment nothing is sent to anybody.
CHECKOV_VARIABLES = ("BC_", "PRISMA_", "CKV_", "CHECKOV_")
FORMAT = ["terraform", "fmt", "-check", "-recursive", "-diff"]
FUNCTION = "google_cloudfunctions2_function.function"
# What a variable of environments/*.tfvars may change besides the places where its own text stands: patterns of
# (address without its key, path without positions).
SHOWS_IN: dict[str, tuple[tuple[str, str], ...]] = {
    "alert_email": (
        ("google_monitoring_alert_policy.*", "notification_channels"),
        ("google_monitoring_notification_channel.*", "*"),
    ),
    "cors_origins": ((FUNCTION, "service_config.environment_variables.CORS_ORIGINS"),),
    "deletion_protection": (
        ("google_bigquery_dataset.dataset", "delete_contents_on_destroy"),
        ("google_bigquery_table.table", "deletion_protection"),
        ("google_firestore_database.store", "delet*_p*"),
        ("google_secret_manager_secret.secret", "deletion_protection"),
        ("google_storage_bucket.*", "force_destroy"),
    ),
    "environment": (("google_cloudbuild_trigger.deploy", "approval_config.approval_required"),),
    "integrations": (
        (FUNCTION, "service_config.secret_environment_variables*"),
        ("google_secret_manager_secret*", "*"),
    ),
    "monthly_budget_dollars": (("google_billing_budget.*", "amount.specified_amount.units"),),
    "settings": ((FUNCTION, "service_config.environment_variables.AUTHORIZE_NET_ENVIRONMENT"),),
    "warm": ((FUNCTION, "service_config.min_instance_count"),),
}
Result = TypeVar("Result")


def main() -> int:
    try:
        environment = terraform_environment()
    except NotHere as reason:
        print(f"check-infra: skipped: {reason}")
        return 0
    failed = check(environment)
    if failed:
        print(f"check-infra: {', '.join(failed)} failed: see above.")
        return 1
    print("check-infra: all good")
    return 0


class Steps:
    """Takes the steps of the check, prints each with its seconds, and remembers which failed."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._lock = threading.Lock()

    def take(self, name: str, run: Callable[[], Result]) -> Result | None:
        """What `run` returned; None when it failed."""
        started = time.monotonic()
        try:
            result = run()
        except Failed as failure:
            self.failed.append(name)
            self._tell(name, started, f"failed\n{failure}")
            return None
        self._tell(name, started, "ok")
        return result

    def _tell(self, name: str, started: float, outcome: str) -> None:
        with self._lock:
            print(f"check-infra: {name:<16} {time.monotonic() - started:5.1f} s {outcome}", flush=True)


def check(environment: Mapping[str, str]) -> list[str]:
    """Take every step, two at a time; the names of those that failed."""
    steps = Steps()
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        pool.submit(steps.take, "checkov", scan)
        steps.take("fmt", lambda: command(FORMAT, INFRA, environment))
        place = steps.take("init", lambda: stack.enter_context(workplace(environment)))
        if place:
            _check_copy(steps, pool, place)
    return steps.failed


def _check_copy(steps: Steps, pool: ThreadPoolExecutor, place: Workplace) -> None:
    # The longest first, each file on its own: one waits for nobody.
    for file in sorted((place.folder / "tests").glob("*.tftest.hcl")):
        test = partial(place.run, "test", "-no-color", f"-filter=tests/{file.name}")
        pool.submit(steps.take, f"test {file.name.partition('.')[0]}", test)
    pool.submit(steps.take, "validate", lambda: place.run("validate", "-no-color"))
    if os.environ.get("PLANS") == "off":
        return
    planned: list[Future[Plan | None]] = [
        pool.submit(steps.take, f"plan {environment}", partial(place.plan, environment)) for environment in ENVIRONMENTS
    ]
    staging, production = (future.result() for future in planned)
    if staging and production:
        steps.take("compare plans", lambda: compare(staging, production))


def compare(staging: Plan, production: Plan) -> None:
    """Raises `Failed` when the environments differ in something that no variable of their tfvars is known to change."""
    differences, unknown = unexplained(staging, production, SHOWS_IN)
    if differences or unknown:
        lines = [f"  {difference}" for difference in differences]
        lines += [f"  variable {name}: no word on what it may change" for name in sorted(unknown)]
        raise Failed(
            "staging and production differ in more than their tfvars say. Mend what differs, or name in SHOWS_IN of "
            "tools/check_infra.py the variable that may change it (staging / production):",
            "\n".join(lines),
        )


def scan() -> None:
    """checkov over what either edge would make: it reads resources whatever their count. Raises `Failed`."""
    program = REPOSITORY / os.environ.get("CHECKOV", CHECKOV)
    if not Path(program).is_file():
        raise Failed(f"checkov is not at {program}. `make check-infra` installs it.", "")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(CHECKOV_VARIABLES)}
    flags = ["--framework", "terraform", "--compact", "--quiet", "--skip-download"]
    command([str(program), "--directory", str(INFRA), *flags], REPOSITORY, environment)


if __name__ == "__main__":
    sys.exit(main())
