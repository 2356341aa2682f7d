"""One design, many variants: a table's rows are sets of edits, each makes one picture or file."""
