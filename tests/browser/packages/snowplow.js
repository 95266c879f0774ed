// Snowplow's own browser tracker. It sends with credentials, so a browser takes no `*` for an answer.
import { newTracker, trackPageView, trackStructEvent } from "@snowplow/browser-tracker";

newTracker("sp", window.pool, { appId: "shop", eventMethod: "post" });
trackPageView();
trackStructEvent({ category: "cart", action: "add", label: "sku-1", value: 2 });
