// Clicks and forms: what the page has tagged, else files and links to other sites.
import { send } from "./page.js";
import { attributes, on } from "./tag.js";

const FILE = /\.(7z|apk|avi|csv|deb|dmg|docx?|epub|exe|t?gz|iso|key|midi?|mkv|mov|mp[34]|mpe?g|msi|pdf|pkg|pp[st]x?|rar|rpm|rtf|tar|txt|wav|wm[av]|xlsx?|zip)$/i;
// Ours and Plausible's: `recount-event-name=Sign+up`, `recount-event-plan=pro`, `recount-revenue-amount=9.90`.
const CLASSES = /(?:recount|plausible)-(?:event-)?(\S+?)(?:=|--)(\S+)/g;

// Sends the event that an element is tagged with; its name.
const tagged = (element, link) => {
  const said = attributes(element, "data-recount-");
  `${element.classList}`.replace(CLASSES, (_, key, value) => said[key] = value.replace(/\+/g, " "));
  const { name, event = name, "revenue-amount": amount, "revenue-currency": currency, ...props } = said;
  if (event) {
    send(event, { props: { url: link?.href, ...props }, revenue: currency && { amount, currency } });
  }
  return event;
};

const clicked = (event) => {
  if (event.button > 1) return;
  let link;
  for (const element of event.composedPath()) {
    // Only a form has a method, and only a link a host name; a form's fields can pass for anything, and what the page's
    // scripts have named for properties of the window, which is no element.
    if (element.method || !element.attributes) continue;
    if (element.hostname) link = element;
    if (tagged(element, link)) return;
  }
  if (!link) return;
  const url = link.href;
  if (FILE.test(link.pathname) || link.attributes.download) {
    send("File Download", { props: { url: url.split("?")[0] } });
  } else if (link.host != location.host) {
    send("Outbound Link: Click", { props: { url } });
  }
};

const submitted = (event) => {
  if (!tagged(event.target)) send("Form: Submission", { props: { path: location.pathname } });
};

export const listen = () => {
  on("click auxclick", clicked);
  on("submit", submitted);
};
