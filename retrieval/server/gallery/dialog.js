/** Dialogs, and short messages that disappear by themselves. */

import { button, fill, h, iconButton } from "./dom.js";
import { t } from "./texts.js";

const SHOWN = 6000; // milliseconds that a message stays

let board = null;
let timer = 0;

/** Return the element in which messages appear; screen readers say them. */
export function messageBoard() {
  board = h("div.messages", { role: "status" });
  return board;
}

/** Say something that has happened, or, as an error, that has not. */
export function say(message, { isError = false } = {}) {
  clearTimeout(timer);
  const place = document.querySelector("dialog[open] .messages") ?? board; // only an open dialog's content is reachable
  const close = iconButton("close", t("close"), () => fill(place));
  fill(place, h("div.message", { class: isError ? "error" : "" }, h("span", {}, message), close));
  timer = setTimeout(() => fill(place), isError ? 2 * SHOWN : SHOWN);
}

/** Open a dialog with a title, content and buttons, and return it; it leaves the page when it is closed. */
export function openDialog(title, content, { actions = [], wide = false } = {}) {
  const dialog = h("dialog.dialog", { "aria-labelledby": "dialog-title", class: wide ? "wide" : "" });
  const close = iconButton("close", t("close"), () => dialog.close());
  dialog.append(
    h("header.dialog-header", {}, h("h2", { id: "dialog-title" }, title), close),
    h("div.dialog-content", {}, content),
    actions.length ? h("footer.dialog-actions", {}, actions) : "",
    h("div.messages", { role: "status" }),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask for a line of text; return it, or null if the dialog was left. */
export function askForText(title, label, { note = "", action }) {
  return new Promise((resolve) => {
    const input = h("input.input", {
      id: "asked",
      type: "text",
      required: true,
      maxlength: "100",
      autocomplete: "off",
    });
    let answer = null;
    const form = h(
      "form.stack",
      {
        onsubmit: (event) => {
          event.preventDefault();
          answer = input.value.trim() || null;
          dialog.close();
        },
      },
      h("label", { for: "asked" }, label),
      input,
      note && h("p.quiet", {}, note),
      h(
        "div.row.end",
        {},
        button(t("cancel"), () => dialog.close()),
        h("button.button.primary", {}, action),
      ),
    );
    const dialog = openDialog(title, form);
    dialog.addEventListener("close", () => resolve(answer));
    input.focus();
  });
}

/** Ask whether to do something; return whether it was confirmed. */
export function confirmed(title, sentence, action) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = button(action, () => ((answer = true), dialog.close()), { primary: true });
    const dialog = openDialog(title, h("p", {}, sentence), {
      actions: [button(t("cancel"), () => dialog.close()), yes],
    });
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** Copy text, and say so. */
export async function copyText(text, message) {
  try {
    await navigator.clipboard.writeText(text);
    say(message);
  } catch {
    openDialog(
      t("copy.by-hand"),
      h("textarea.input", { readonly: true, rows: "4", "aria-label": t("copy.by-hand") }, text),
    );
  }
}
