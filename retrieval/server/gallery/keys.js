/** Single keys, their list, and the switch that turns them off. */

import { h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { t } from "./texts.js";

const STORE = "recall-single-keys";
const LIST = [
  ["/", "keys.search"],
  ["← → ↑ ↓", "keys.arrows"],
  ["Enter", "keys.enter"],
  ["+", "keys.good"],
  ["-", "keys.bad"],
  ["j", "keys.next"],
  ["i", "keys.info"],
  ["z", "keys.zoom"],
  ["Escape", "keys.escape"],
  ["?", "keys.help"],
];

/** Whether single keys act; they can be turned off for people who dictate or press keys by accident. */
export const singleKeys = () => localStorage.getItem(STORE) !== "off";

/** Whether a key belongs to a field that is typed in. */
export const isTyping = (event) => event.target.matches?.("input, textarea, select") ?? false;

/** Show what the keys do. */
export function showKeys() {
  const rows = LIST.map(([key, text]) =>
    h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, t(text))),
  );
  const toggle = h("input", { type: "checkbox", id: "single-keys", onchange: () => store(toggle.checked) });
  toggle.checked = singleKeys();
  openDialog(t("keys.title"), [
    h("table.keys", {}, h("tbody", {}, rows)),
    h("p.check", {}, toggle, h("label", { for: "single-keys" }, t("keys.toggle"))),
  ]);
}

function store(isOn) {
  if (isOn) localStorage.removeItem(STORE);
  else localStorage.setItem(STORE, "off");
}

/** Call functions at single keys: {"/": focusSearch}. Keys in fields and in dialogs are left alone. */
export function onSingleKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if (!singleKeys() || document.querySelector("dialog[open]") || !(event.key in actions)) return;
    event.preventDefault();
    actions[event.key]();
  });
}
