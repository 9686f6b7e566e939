"""The measured promises: each prints a ratio against the bare limit, measured in the same run on the same servers."""
