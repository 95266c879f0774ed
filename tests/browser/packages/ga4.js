// Minimal Analytics, which speaks GA4's format to any endpoint.
import { track } from "@minimal-analytics/ga4";

window.minimalAnalytics = { trackingId: "G-TEST", analyticsEndpoint: `${window.pool}/g/collect` };
track();
track({ type: "sign_up", event: { "ep.method": "mail" } });
