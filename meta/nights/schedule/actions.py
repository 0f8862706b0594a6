"""A GitHub Actions workflow in the agent's repository. Its cache carries runs.db from night to night."""

from __future__ import annotations

from pathlib import Path

from meta.nights.schedule.plan import NightlyTimer, ScheduleChange, write_if_changed

NIGHTLY_WORKFLOW = """\
# Written by `meta schedule install github`; `meta schedule remove github` takes it away.
name: meta nightly
on:
  schedule:
    - cron: "{minute} {hour} * * *"   # UTC
  workflow_dispatch:
concurrency:
  group: meta-nightly
  cancel-in-progress: false
permissions:
  contents: write
  pull-requests: write
jobs:
  night:
    runs-on: ubuntu-latest
    timeout-minutes: 355
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: sudo apt-get update && sudo apt-get install -y bubblewrap
      - run: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 || true
      - name: install meta
        run: python -m pip install --quiet "${{META_PACKAGE:?set the repository variable META_PACKAGE}}"
        env:
          META_PACKAGE: ${{{{ vars.META_PACKAGE }}}}
      - uses: actions/cache@v4
        with:
          path: |
            runs.db
            .meta
          key: meta-${{{{ github.run_id }}}}
          restore-keys: meta-
      - name: the night
        env:
          ANTHROPIC_API_KEY: ${{{{ secrets.ANTHROPIC_API_KEY }}}}
          META_WEBHOOK: ${{{{ secrets.META_WEBHOOK }}}}
          GITHUB_TOKEN: ${{{{ github.token }}}}
        run: |
          # 5.5 hours from now: the runner is taken away after six
          code=0
          meta nightly --until "$(date -d '+330 minutes' +%H:%M)" || code=$?
          case $code in 0|3|4) ;; *) exit $code ;; esac
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: runs-db
          path: runs.db
"""


class ActionsSchedule:
    """Writes one workflow file; committing and pushing it is left to a person."""

    def install(self, plan: NightlyTimer) -> ScheduleChange:
        hour, minute = plan.hour_and_minute
        path, text = _workflow_path(plan), NIGHTLY_WORKFLOW.format(hour=hour, minute=minute)
        changed = write_if_changed(path, text)
        notes = (
            "commit and push it; its times are UTC",
            "set the variable META_PACKAGE to what pip installs as meta, such as git+https://...@COMMIT",
            "add the secret ANTHROPIC_API_KEY, and META_WEBHOOK if you want the account sent",
            "the repositories in meta.toml must be there too: add steps that check them out",
        )
        return ScheduleChange({str(path): text}, notes, changed)

    def show(self, plan: NightlyTimer) -> ScheduleChange | None:
        path = _workflow_path(plan)
        return ScheduleChange({str(path): path.read_text("utf-8")}) if path.exists() else None

    def remove(self, plan: NightlyTimer) -> ScheduleChange | None:
        path = _workflow_path(plan)
        if not path.exists():
            return None
        path.unlink()
        return ScheduleChange({str(path): ""}, ("commit and push the removal",))


def _workflow_path(plan: NightlyTimer) -> Path:
    return plan.folder / ".github" / "workflows" / "meta-nightly.yml"
