"""The command line: one file per command; nothing here knows how a picture is split."""
