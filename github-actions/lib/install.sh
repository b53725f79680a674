#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs exactly one gaitops into a virtual environment of this job and tells where it is.
#
# Reads INSTALL_VERSION, INSTALL_REQUIREMENT and INSTALL_FILE, of which exactly one must be set. Nothing in the
# working folder takes part: Python runs isolated (-I), and pip builds nothing that it downloads.
set -euo pipefail

refuse() {
  echo "::error title=gaitops is not installed::$1"
  exit 6
}

given=0
for value in "$INSTALL_VERSION" "$INSTALL_REQUIREMENT" "$INSTALL_FILE"; do
  if [ -n "$value" ]; then given=$((given + 1)); fi
done
if [ "$given" -ne 1 ]; then
  refuse "Set exactly one of the inputs version, install and requirements."
fi

if [ -n "$INSTALL_VERSION" ]; then
  if ! [[ "$INSTALL_VERSION" =~ ^[0-9][0-9A-Za-z.]*$ ]]; then
    refuse "The input version is one exact version, such as 1.2.0."
  fi
  what=("gaitops==$INSTALL_VERSION")
  identity="$INSTALL_VERSION"
elif [ -n "$INSTALL_REQUIREMENT" ]; then
  case "$INSTALL_REQUIREMENT" in
    -*) refuse "The input install is a requirement or a path, not an option." ;;
  esac
  what=("$INSTALL_REQUIREMENT")
  identity="$INSTALL_REQUIREMENT"
else
  if ! [ -f "$INSTALL_FILE" ]; then
    refuse "The file of the input requirements does not exist."
  fi
  what=(--requirement "$INSTALL_FILE")
  identity="$(cat "$INSTALL_FILE")"
fi

if ! python3 -I -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  refuse "gaitops needs Python 3.11 or newer as python3."
fi
key="$(printf '%s' "${what[0]} $identity" | python3 -I -c \
  'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')"
folder="$RUNNER_TEMP/gaitops-$key"
# A second action of the same job finds what the first one installed.
if ! [ -e "$folder/complete" ]; then
  python3 -I -m venv --clear "$folder"
  "$folder/bin/python" -I -m pip install --quiet --no-input --disable-pip-version-check \
    --only-binary :all: "${what[@]}"
  "$folder/bin/gaitops" --version
  touch "$folder/complete"
fi
{
  echo "gaitops-path=$folder/bin/gaitops"
  echo "python=$folder/bin/python"
} >> "$GITHUB_OUTPUT"
