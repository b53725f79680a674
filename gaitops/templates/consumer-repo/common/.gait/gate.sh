#!/usr/bin/env bash
# Asks Gait itself what the pinned policies decide: bash .gait/gate.sh
#
# Every policy in .gaitops/ must be one that Gait accepts. Every intent in .gait/intents/VERDICT/*.json must get that
# verdict (allow, block, require_approval, dry_run) from the enforced policy of every pinned environment, so that the
# merge request which renews the pin shows what changes for the agents of this repository. Where gait.yaml is, its
# regress fixtures run as well.
#
# Exit codes: 0 as expected, 5 something else, 7 Gait is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v gait > /dev/null; then
  echo "gait is not installed"
  exit 7
fi

shopt -s nullglob
failed=0
for policy in .gaitops/*/enforced/gait.policy.yaml .gaitops/*/candidate/gait.policy.yaml; do
  if ! gait policy validate "$policy" > /dev/null; then
    echo "not accepted by Gait: $policy"
    failed=5
  fi
done
for policy in .gaitops/*/enforced/gait.policy.yaml; do
  for intent in .gait/intents/*/*.json; do
    expected="$(basename "$(dirname "$intent")")"
    # Gait ends with 3 or 4 when the verdict is no; the verdict itself stands in its JSON.
    answer="$(gait policy test "$policy" "$intent" --json || true)"
    verdict="$(python3 -I -c 'import json, sys; print(json.load(sys.stdin).get("verdict"))' <<< "$answer" || true)"
    if [ "$verdict" != "$expected" ]; then
      echo "$intent: expected $expected, got ${verdict:-no answer} from $policy"
      failed=5
    fi
  done
done
if [ -e gait.yaml ]; then
  gait regress run --json || failed=5
fi
exit "$failed"
