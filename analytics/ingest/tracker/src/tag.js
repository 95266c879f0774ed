// The tag that brought the script, and what its attributes say.

export const tag = document.currentScript;
const said = tag.dataset;
export const { site } = said;
export const manual = "manual" in said;
export const hash = "hash" in said;
export const api = said.api || new URL("/v1/events", tag.src);

// The attributes `PREFIXkey="value"` of an element as {key: value}.
export const attributes = (element, prefix) => {
  const found = {};
  for (const { name, value } of element.attributes) {
    const key = name.split(prefix)[1];
    if (key) found[key] = value;
  }
  return found;
};

export const everywhere = attributes(tag, "data-prop-");

// `/admin/*, /login`: a star stands for anything, every other character for itself.
const patterns = `${said.exclude}`.replace(/\W/g, (one) => one == "*" ? ".*" : /[,\s]/.test(one) ? "|" : "\\" + one);
export const excluded = RegExp(`^(${patterns})$`);

// Before the page's own listeners, which may stop an event.
export const on = (types, listener) => types.split(" ").forEach((type) => addEventListener(type, listener, true));
