"""The GA4 Data API (v1beta, and funnels of v1alpha), as its official clients speak it."""
