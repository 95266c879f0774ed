// The page that is being looked at: its view, and how long and how far it is read.
import { entitle, push } from "./outbox.js";
import { everywhere, excluded, hash, manual, on } from "./tag.js";

let page, referrer = document.referrer, watchedSince, engaged, deepest, told;

// The address as it counts: what is behind the # belongs to it where the site routes by it.
export const here = () => location.href.replace(hash ? "" : /#.*/, "");

export const send = (name, { props, ...more } = {}) => {
  const timestamp = Date.now();
  const event = {
    name, url: page || here(), referrer, hash, timestamp, event_id: timestamp + "-" + Math.random(),
    screen: screen.width + "x" + screen.height, interactive: name != 404,
    ...more, props: { ...everywhere, ...name == 404 && { path: location.pathname }, ...props },
  };
  const at = new URL(event.url, location);
  if (!excluded.test(at.pathname + at.hash)) push(event);
};

// Time counts while the page is visible and has the focus; depth is in pixels, for the page may grow while it is read.
export const look = () => {
  const now = performance.now();
  if (watchedSince) engaged += now - watchedSince;
  watchedSince = !document.hidden && document.hasFocus() && now;
  deepest = Math.max(deepest, scrollY + innerHeight);
};

// What was read since it was last told: a second or more, or further down.
export const engagement = () => {
  look();
  if (page && (engaged > 999 || deepest > told)) {
    send("engagement", {
      engagement_ms: engaged | 0,
      scroll: deepest / document.documentElement.scrollHeight * 100 | 0,
      interactive: false,
    });
    engaged = 0;
    told = deepest;
  }
};

export const view = (more = {}) => {
  engagement();
  entitle();
  if (page) referrer = page;
  page = more.url || here();
  engaged = deepest = told = 0;
  send("pageview", more);
};

const withoutQuery = (url) => url.replace(/\?[^#]*/, "");

// A page that only rewrites its query is still the same.
export const moved = (replaced) => {
  const to = here();
  if (manual || to == page) return;
  if (replaced && withoutQuery(to) == withoutQuery(page)) page = to;
  else view();
};

export const follow = () => {
  ["pushState", "replaceState"].forEach((name, replaced) => {
    const original = history[name];
    history[name] = (...given) => {
      original.apply(history, given);
      moved(replaced);
    };
  });
  on("popstate", () => moved());
  on("scroll focus blur", look);
  // Back from the back/forward cache it is looked at anew.
  on("pageshow", (event) => event.persisted && !manual && view());
};
