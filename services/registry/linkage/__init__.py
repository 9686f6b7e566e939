"""Which rows of two lists speak of the same person: our own matching in DuckDB SQL (docs of the design: MATCHING)."""
