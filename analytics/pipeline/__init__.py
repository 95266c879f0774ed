"""From the buffer to rows: dedupe → enrich → visits → write, one writer per part."""
