// Recount's tracker; docs/tracker.md says what it does.
import { listen } from "./clicks.js";
import { flush, optIn, optOut } from "./outbox.js";
import { look, engagement, follow, moved, send, view } from "./page.js";
import { on, site } from "./tag.js";
import { measure, report } from "./vitals.js";

const stub = self.recount || {};
// Calls from before the page is seen for the first time.
let early = stub.q || [];

// Asynchronous, so that a call which makes no sense is told to the console and does not break the page.
const told = async (name, options) => name == "pageview" ? view(options) : send(name, options);

const recount = (...call) => early ? early.push(call) : told(...call);

const turned = (event) => {
  const leaving = event.type == "pagehide";
  if (early) begin();
  else if (document.hidden || leaving) {
    engagement();
    report();
    flush(leaving);
  } else look();
};

const begin = () => {
  if (document.hidden) return;
  on("online", () => flush());
  follow();
  listen();
  moved();
  if (document.querySelector("[data-404]")) told("404");
  early.forEach((call) => told(...call));
  early = 0;
};

if (site && !stub.on) {
  self.recount = Object.assign(recount, { on: 1, optOut, optIn });
  // Nothing is measured of a page that was loaded out of sight, but for one that was prerendered.
  if (!document.hidden || document.prerendering) measure();
  on("visibilitychange pagehide", turned);
  begin();
}
