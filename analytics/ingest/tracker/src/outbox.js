// Events on their way: those of one moment go together, and what could not be sent waits in localStorage.
import { api, site } from "./tag.js";

const MOMENT = 99; // milliseconds
const MOST = 20;
const KEPT_FOR = 72 * 36e5;
const KEEPALIVE = 2e4; // characters on their way at a time; browsers refuse more than 64 KiB
const LONGEST_PAUSE = 36e5; // milliseconds; a timer of more than 24 days runs out at once
const KEY = "recount:" + site;

let waiting = [], timer, pause = 1e3, afloat = 0;

// Storage may be forbidden, full, or hold anything.
const stored = (use) => {
  try {
    return use(localStorage);
  } catch {}
};

const kept = () =>
  stored((at) => JSON.parse(at[KEY]).filter((event) => event.timestamp > Date.now() - KEPT_FOR)) || [];

// Forgets what was in a request, and keeps what failed.
const settle = (body, failed) => stored((at) => {
  const left = kept().filter((event) => !body.includes(event.event_id)).concat(failed);
  if (left[0]) at[KEY] = JSON.stringify(left.slice(-MOST));
  else delete at[KEY];
});

const soon = (milliseconds) => {
  clearTimeout(timer);
  timer = setTimeout(flush, milliseconds);
};

// A title is often set after the address: it is read as late as possible.
export const entitle = () => waiting.forEach((event) => event.title ??= document.title);

export const flush = (leaving) => {
  timer = clearTimeout(timer);
  entitle();
  const events = kept().concat(waiting);
  waiting = [];
  if (!events[0] || stored((at) => at.recount_ignore == "true")) return;
  // Text needs no preflight. By their ids, events that are sent twice count once.
  const body = JSON.stringify({ site, sent_at: Date.now(), events });
  if (leaving) {
    navigator.onLine && navigator.sendBeacon?.(api, body) || settle(body, events);
  } else {
    fetch(api, { method: "POST", body, keepalive: (afloat += body.length) < KEEPALIVE })
      .then((answer) => {
        if (/429|5../.test(answer.status)) throw answer.headers.get("Retry-After");
        pause = 1e3;
        settle(body, []);
      })
      .catch((seconds) => {
        settle(body, events);
        pause = Math.min(pause * (2 + Math.random()) + (seconds * 1e3 || 0), LONGEST_PAUSE);
        timer || soon(pause);
      })
      .then(() => afloat -= body.length);
  }
};

// A copy, for the caller may go on with its object.
export const push = (event) => waiting.push(JSON.parse(JSON.stringify(event))) > 99 ? flush() : soon(MOMENT);

export const optOut = () => stored((at) => {
  at.recount_ignore = true;
  delete at[KEY];
});

export const optIn = () => stored((at) => delete at.recount_ignore);
