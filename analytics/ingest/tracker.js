// Recount's tracker: no cookies, no storage.
//   <script defer data-site="example.com" src="https://…/js/recount.js"></script>
// data-api names another endpoint than /v1/events of the script's own origin. Own events:
//   recount("Signup", {props: {plan: "pro"}, revenue: {amount: 9.9, currency: "EUR"}, interactive: false})
// To call it before it has loaded: window.recount = window.recount || ((...a) => (recount.q = recount.q || []).push(a))
(() => {
  const tag = document.currentScript;
  const site = tag && tag.dataset.site;
  const stub = window.recount;
  if (!site || (stub && stub.on)) return;
  const api = tag.dataset.api || new URL("/v1/events", tag.src).href;
  let page, engaged, shownAt, deepest, told, referrer = document.referrer;

  const eventId = () =>
    crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint32Array(4))].join("-");

  const send = (name, more) => {
    const event = {
      name, url: page, referrer, title: document.title, event_id: eventId(),
      screen: screen.width + "x" + screen.height, language: navigator.language, ...more,
    };
    const body = JSON.stringify({ site, events: [event] });
    // A text body needs no preflight; both ways outlive the page.
    if (!(navigator.sendBeacon && navigator.sendBeacon(api, body))) {
      fetch(api, { method: "POST", body, keepalive: true, credentials: "omit" }).catch(() => {});
    }
  };

  const look = () => {
    const root = document.documentElement;
    const seen = (window.scrollY + window.innerHeight) / Math.max(root.scrollHeight, 1);
    deepest = Math.max(deepest, Math.min(100, Math.round(seen * 100)));
  };

  const pause = () => {
    if (shownAt) engaged += performance.now() - shownAt;
    shownAt = 0;
  };

  const resume = () => {
    if (!shownAt && document.visibilityState === "visible") shownAt = performance.now();
  };

  // What was read since it was last told: visible time, and the depth when it has grown.
  const engagement = () => {
    pause();
    if (page && (engaged >= 1000 || deepest > told)) {
      send("engagement", { engagement_ms: Math.round(engaged), scroll: deepest, interactive: false });
      engaged = 0;
      told = deepest;
    }
  };

  const pageview = () => {
    const url = location.href;
    if (url.split("#")[0] === (page || "").split("#")[0]) return;
    engagement();
    if (page) referrer = page;
    page = url;
    engaged = deepest = told = 0;
    send("pageview");
    resume();
    look();
  };

  const begin = () => {
    for (const name of ["pushState", "replaceState"]) {
      const original = history[name];
      history[name] = function (...given) {
        const result = original.apply(this, given);
        pageview();
        return result;
      };
    }
    addEventListener("popstate", pageview);
    addEventListener("scroll", look, { passive: true });
    document.addEventListener("visibilitychange", () =>
      document.visibilityState === "hidden" ? engagement() : resume());
    addEventListener("pagehide", engagement);
    addEventListener("pageshow", (event) => {
      if (event.persisted) { page = undefined; pageview(); }
    });
    pageview();
    window.recount = (name, { props, revenue, interactive } = {}) => send(name, { props, revenue, interactive });
    window.recount.on = true;
    for (const given of (stub && stub.q) || []) window.recount(...given);
  };

  if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
})();
