# SPDX-License-Identifier: Apache-2.0
"""Renderings of results: text tables and trees, Graphviz DOT, Markdown, reference pages.

Owns how values look to people and to other tools. May import the packages whose values it renders. Must
never print, read files, or decide anything: every function takes values and returns a string.
"""
