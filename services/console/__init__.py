"""Console: the pages on which people work, and the built-in users and issuer of the embedded default."""
