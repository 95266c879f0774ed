"""RECEIVE, VALIDATE: the ingest pool. It needs the buffer, and nothing else, to go on counting known sites."""
