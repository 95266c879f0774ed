// PostHog's own browser client; it packs what it sends, and asks the pool for its settings.
import posthog from "posthog-js";

posthog.init("phc_test", { api_host: window.pool, autocapture: false, opt_out_useragent_filter: true });
posthog.capture("Signup", { plan: "pro" });
