// Segment's own analytics.js; with settings of its own it asks no one else for them.
import { AnalyticsBrowser } from "@segment/analytics-next";

const settings = { apiKey: window.writeKey, apiHost: `${new URL(window.pool).host}/v1`, protocol: "http" };
window.analytics = AnalyticsBrowser.load(
  { writeKey: window.writeKey, cdnSettings: { integrations: { "Segment.io": settings } } },
  { integrations: { "Segment.io": settings } },
);
