// Core Web Vitals of the page that was loaded, as web.dev defines them.
import { here, send } from "./page.js";

const slowest = {};
let observer, url, lcp, fcp, cls, shifts, shiftsBegan, lastShift;

// Each kind of entry has a property that the others have not.
const read = (entries) => entries.forEach((entry) => {
  const { startTime, duration, interactionId, value } = entry;
  if (entry.size) lcp = startTime;
  if (/contentful/.test(entry.name)) fcp = startTime;
  if (interactionId) slowest[interactionId] = Math.max(slowest[interactionId] || 0, duration);
  if (value && !entry.hadRecentInput) {
    // A shift within a second of the last one belongs to its session, for five seconds.
    if (startTime - lastShift < 1e3 && startTime - shiftsBegan < 5e3) {
      shifts += value;
    } else {
      shifts = value;
      shiftsBegan = startTime;
    }
    lastShift = startTime;
    cls = Math.max(cls, shifts);
  }
});

export const measure = () => {
  url = here();
  cls = self.LayoutShift && 0;
  observer = new PerformanceObserver((list) => read(list.getEntries()));
  for (const type of PerformanceObserver.supportedEntryTypes) {
    // event and first-input (interactions), largest-contentful-paint, layout-shift, paint
    if (/^(ev|fi|la|pa)/.test(type)) observer.observe({ type, buffered: true, durationThreshold: 40 });
  }
};

// Once, when the page is hidden for the first time. What was not measured is NaN, which travels as null.
export const report = () => {
  if (observer) {
    read(observer.takeRecords());
    observer.disconnect();
    observer = 0;
    const [load = {}] = performance.getEntriesByType("navigation");
    // A prerendered page begins when it is shown.
    const since = (time) => Math.max(0, Math.round(time - (load.activationStart || 0)));
    // Of every fifty interactions the slowest one is left out.
    const durations = Object.values(slowest).sort((a, b) => b - a);
    const inp = durations[performance.interactionCount / 50 | 0] ?? durations.pop();
    const props = {
      lcp: since(lcp), inp, cls, fcp: since(fcp), ttfb: since(load.responseStart),
    };
    send("web_vitals", { url, title: "", interactive: false, props });
  }
};
