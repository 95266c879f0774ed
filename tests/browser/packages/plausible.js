// Plausible's own tracker, as a site would bundle it.
import { init, track } from "@plausible-analytics/tracker";

init({
  domain: "example.com",
  endpoint: `${window.pool}/api/event`,
  captureOnLocalhost: true,
  outboundLinks: true,
  fileDownloads: true,
  formSubmissions: true,
  customProperties: { author: "Jüri" },
});
window.track = track;
