# SPDX-License-Identifier: Apache-2.0
"""Domain rules: what a change must respect whoever approves it. One module per concern.

Each module has functions ``(change, facts) -> Iterator[Problem]``; ``change.judge`` runs them in order. Rules look
only at what the change touches, because everything else was judged when it was changed.
"""
