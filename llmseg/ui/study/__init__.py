"""Reader studies in a browser: the reader's page, the operator's, and their server."""
