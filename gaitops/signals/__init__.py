# SPDX-License-Identifier: Apache-2.0
"""From runs to what to fix first: families across the fleet, causes of drift, priority, next best fix (design 11).

Owns: everything that stands beside Gait's signal report and never inside it. Pure. May import ``gait``, ``fleet`` and
``documents``. Must never know of stores, query engines, the clock or how a report looks.
"""
