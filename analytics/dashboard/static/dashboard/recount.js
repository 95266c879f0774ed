// What HTML and htmx do not do by themselves: menus, keys, the sheet, the chart's reading line, and what happens
// to a card whose numbers are late. Everything is delegated, so that swapped parts need no wiring.

"use strict";

const on = (name, act) => document.addEventListener(name, act);

// --- menus: one at a time, closed by Escape and by a click elsewhere -------------------------------------------------
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (menu !== except) menu.open = false;
  }
}
on("click", (event) => closeMenus(event.target.closest("details[data-menu]")));

// --- keys: the link or field that names the key ----------------------------------------------------------------------
on("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  document.documentElement.classList.toggle("no-tips", event.key === "Escape");
  if (event.target.closest?.("[data-chart]") && readByKey(event)) return;
  if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
  const menu = document.querySelector("details[data-menu][open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  const key = CSS.escape(event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const link = document.querySelector(`a[data-key="${key}"]`);
  const field = document.querySelector(`[data-key-focus="${key}"]`);
  if (link) link.click();
  if (field) {
    field.closest("details").open = true;
    field.focus();
  }
  if (link || field) event.preventDefault();
});
on("mousemove", () => document.documentElement.classList.remove("no-tips"));

// --- loading ---------------------------------------------------------------------------------------------------------
// A part that is replaced by a newer one gives up its request, so that late numbers never cover newer ones.
on("htmx:beforeCleanupElement", (event) => {
  if (event.target.matches?.("[data-part]")) htmx.trigger(event.target, "htmx:abort");
});
// A refresh by the clock waits while the page is hidden, or while someone reads what it would replace.
on("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail;
  const seen = elt.matches("[data-part]") && elt.dataset.loaded;
  if (seen && (document.hidden || target.matches(":hover, :focus-within") || target.querySelector("details[open]"))) {
    event.preventDefault();
  }
});
function tell(event, failed) {
  const note = event.detail.elt.closest(".part, .site-body")?.querySelector(".failed");
  if (!note) return;
  note.hidden = !failed;
  const xhr = event.detail.xhr;
  const said = failed && xhr?.getResponseHeader("content-type")?.startsWith("text/plain") ? xhr.responseText : "";
  note.querySelector("span").textContent = said || "This could not be brought up to date.";
}
on("htmx:responseError", (event) => tell(event, true));
on("htmx:sendError", (event) => tell(event, true));
on("htmx:timeout", (event) => tell(event, true));
on("htmx:afterOnLoad", (event) => {
  const part = event.detail.elt;
  if (part.matches("[data-part]") && event.detail.successful) {
    part.dataset.loaded = "yes";
    tell(event, false);
  }
});
on("click", (event) => {
  const button = event.target.closest("[data-retry]");
  if (button) htmx.trigger(button.closest(".part").querySelector("[data-part]"), "retry");
});

// --- the sheet: a full table above the page --------------------------------------------------------------------------
on("htmx:afterSwap", (event) => {
  const sheet = document.getElementById("sheet");
  const swapped = event.detail.target?.id; // none when the browser went back
  if (swapped === "sheet-body" && !sheet.open) sheet.showModal();
  if (swapped === "page") {
    sheet?.close();
    if (document.activeElement === document.body) document.getElementById("page")?.focus({ preventScroll: true });
  }
});
on("click", (event) => {
  const sheet = event.target.closest("#sheet");
  if (sheet && (event.target === sheet || event.target.closest(".close"))) sheet.close();
});

// --- the chart: a line that reads the values of both times -------------------------------------------------------------
function line(className, title, value) {
  const row = document.createElement("p");
  const key = row.appendChild(document.createElement("span"));
  key.className = className;
  row.append(title);
  row.appendChild(document.createElement("b")).textContent = value;
  return row;
}

function read(chart, index) {
  const { label, points } = JSON.parse(document.getElementById("chart-data").textContent);
  const at = Math.max(0, Math.min(points.length - 1, index));
  const point = points[at];
  const tooltip = chart.querySelector(".tooltip");
  const [hair, before, dot] = chart.querySelector(".cursor").children;
  hair.setAttribute("x1", `${point.x}%`);
  hair.setAttribute("x2", `${point.x}%`);
  for (const [circle, y] of [[before, point.by], [dot, point.y]]) {
    circle.setAttribute("cx", `${point.x}%`);
    circle.setAttribute("cy", y ?? -99);
    circle.style.visibility = y === null ? "hidden" : "";
  }
  tooltip.replaceChildren(line("key", point.t + (point.p ? " (not whole)" : ""), point.v));
  if (point.bt) tooltip.append(line("key before", point.bt, point.b));
  tooltip.hidden = false;
  chart.classList.add("reading");
  chart.dataset.at = at;
  const x = (point.x / 100) * chart.clientWidth;
  const left = x + 16 + tooltip.offsetWidth > chart.clientWidth ? x - 16 - tooltip.offsetWidth : x + 16;
  tooltip.style.transform = `translate(${Math.max(0, left)}px, 1.25rem)`;
  return `${label}, ${point.t}: ${point.v}${point.bt ? `; ${point.bt}: ${point.b}` : ""}`;
}

function readByKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const chart = event.target.closest("[data-chart]");
  if (!step || !chart) return false;
  const at = chart.dataset.at === undefined ? (step > 0 ? 0 : 1e6) : Number(chart.dataset.at) + step;
  chart.querySelector("[aria-live]").textContent = read(chart, at);
  event.preventDefault();
  return true;
}

on("pointermove", (event) => {
  const chart = event.target.closest?.("[data-chart]");
  for (const other of document.querySelectorAll(".chart.reading")) {
    if (other !== chart && !other.contains(document.activeElement)) rest(other);
  }
  if (!chart) return;
  const { points } = JSON.parse(document.getElementById("chart-data").textContent);
  const box = chart.getBoundingClientRect();
  read(chart, Math.round(((event.clientX - box.left) / box.width) * (points.length - 1)));
});
on("focusout", (event) => {
  const chart = event.target.closest?.("[data-chart]");
  if (chart) rest(chart);
});
function rest(chart) {
  chart.classList.remove("reading");
  chart.querySelector(".tooltip").hidden = true;
  delete chart.dataset.at;
}
