"""The scripts here made the stored numbers with packages that the tests do without: they are not collected."""

collect_ignore_glob = ["make_*.py"]
