# SPDX-License-Identifier: Apache-2.0
"""A company's directory: reading its users and groups, and planning what they change in a fleet.

Owns the readers (SCIM 2.0, OpenID Connect, exports) and the plan that is made from what they found. May import ``fleet``
and ``documents``; the only user of the network is ``directory.http``. Never knows where tokens come from, how documents
are written or committed, nor the clock. What a directory says is never believed further than its mapping allows.
"""
