"""The demo site's visitors: who they are, how they walk, and how they reach Recount."""
