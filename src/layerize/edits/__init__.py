"""Edits written in words, for the command line and for tables: ``--move Text 40,0``. Loads nothing heavy."""
