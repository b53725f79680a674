# SPDX-License-Identifier: Apache-2.0
"""The report page: one HTML file that shows a posture and its signals in a browser, without a server or a network.

Owns how the page is laid out, its own style and script (``assets/``), and the document that the script reads. May import what
``report`` may import. Must never compute a number: it shows what it is handed, and names the artifacts behind it.
"""
