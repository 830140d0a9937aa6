/** Makes elements. Nothing here sets HTML from text, so that no name of a file can become markup. */

/**
 * Return a new element.
 * @param {string} tag The name and classes, for instance "div.card.wide".
 * @param {object} attributes Attributes; `on…` are listeners, `class` adds classes, null and false leave one out.
 * @param {...(Node|string|null|false|Array)} children What it contains.
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) setAttribute(element, key, value);
  element.append(...children.flat(2).filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

function setAttribute(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else element.setAttribute(key, value === true ? "" : String(value));
}

/** Return an icon of the sprite; it is decoration, the words beside it or its button's label say what it means. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `gallery/icons.svg#${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Return a button with an icon and a label that only screen readers and the tooltip say. */
export function iconButton(name, label, onclick, attributes = {}) {
  return h(
    "button.icon-button",
    { type: "button", "aria-label": label, title: label, onclick, ...attributes },
    icon(name),
  );
}

/** Return a button with words, and an icon before them if one is named. */
export function button(label, onclick, { name = null, primary = false, ...attributes } = {}) {
  const kind = primary ? "button.button.primary" : "button.button";
  return h(kind, { type: "button", onclick, ...attributes }, name && icon(name), label);
}

/** Put children into an element in place of what it contains. */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(2).filter((child) => child !== null && child !== false && child !== undefined),
  );
  return element;
}

/** Return a function that waits until it has not been called for some milliseconds. */
export function debounce(call, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}

/** Whether the user asks for less motion. */
export const stillMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Whether the page is as narrow as a phone. */
export const isNarrow = () => matchMedia("(max-width: 760px)").matches;
