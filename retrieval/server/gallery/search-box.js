/** The search box: words, a picture that is dropped, pasted or chosen, and the parts of a mixed query. */

import { change, readAddress } from "./address.js";
import { thumbnailUrl, libraryUrl, uploadPicture } from "./api.js";
import { fill, h, icon, iconButton, isNarrow } from "./dom.js";
import { say } from "./dialog.js";
import { t } from "./texts.js";

const WEIGHTS = [0.25, 0.5, 1, 1.5, 2, 3];
const MOST_BYTES = 32 * 1024 * 1024;

/** The form at the top of the page. */
export class SearchBox {
  constructor() {
    this.input = h("input.search-input", {
      type: "search",
      id: "search",
      autocomplete: "off",
      spellcheck: "false",
      enterkeyhint: "search",
      maxlength: "1000",
      placeholder: t(isNarrow() ? "search.placeholder-short" : "search.placeholder"),
      "aria-label": t("search.label"),
      oninput: () => this.#offerParts(),
      onkeydown: (event) => this.#onKey(event),
      onpaste: (event) => this.#onPaste(event),
    });
    this.file = h("input", { type: "file", accept: "image/*", hidden: true, tabindex: "-1", "aria-hidden": "true" });
    this.file.addEventListener("change", () => this.file.files[0] && this.usePicture(this.file.files[0]));
    this.add = iconButton("plus", t("search.add"), () => this.#addWords(1), { disabled: true });
    this.take = iconButton("minus", t("search.take"), () => this.#addWords(-1), { disabled: true });
    const choose = iconButton("photos", t("search.picture"), () => this.file.click());
    this.form = h(
      "form.search-box",
      { role: "search", "aria-label": t("search.label"), onsubmit: (event) => this.#submit(event) },
      icon("search"),
      this.input,
      h("span.search-actions", {}, this.add, this.take, choose),
      this.file,
    );
    this.chips = h("ul.chips", { "aria-label": t("search.parts"), role: "list" });
    this.element = h("div.search", {}, this.form, this.chips);
    this.dropArea = acceptDrops((file) => this.usePicture(file));
  }

  /** Show what an address searches for. */
  show(address) {
    if (document.activeElement !== this.input || this.shown !== address.query) this.input.value = address.query;
    this.shown = address.query;
    this.#offerParts();
    fill(
      this.chips,
      address.parts.map((part, position) => this.#chip(part, position)),
    );
    this.chips.hidden = address.parts.length === 0;
  }

  /** Put the cursor into the field. */
  focus() {
    this.input.focus();
    this.input.select();
  }

  /** Search by a picture's file: in place of words, or together with the parts that there are. */
  async usePicture(file) {
    this.file.value = "";
    if (file.size > MOST_BYTES)
      return say(t("search.too-large", { n: Math.round(file.size / 1048576) }), { isError: true });
    this.form.classList.add("busy");
    try {
      const { picture } = await uploadPicture(file);
      const hasParts = readAddress().parts.length > 0;
      this.#addPart({ kind: "picture", value: picture, weight: 1 }, hasParts ? undefined : "");
    } catch (error) {
      say(error.message, { isError: true });
    } finally {
      this.form.classList.remove("busy");
    }
    return undefined;
  }

  #submit(event) {
    event.preventDefault();
    const query = this.input.value.trim();
    change({ page: "photos", query, literal: false, item: null, sort: "" });
  }

  #onKey(event) {
    if (event.key === "Escape") this.input.blur();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#addWords(event.shiftKey ? -1 : 1);
    }
  }

  #onPaste(event) {
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    this.usePicture(file);
  }

  #offerParts() {
    const isEmpty = this.input.value.trim() === "";
    this.add.disabled = this.take.disabled = isEmpty;
    this.form.classList.toggle("empty", isEmpty);
  }

  #addWords(weight) {
    const words = this.input.value.trim();
    if (!words) return;
    const { query } = readAddress();
    this.input.value = query === words ? "" : query;
    this.#addPart({ kind: "text", value: words, weight }, query === words ? "" : query);
    this.input.focus();
  }

  #addPart(part, query = readAddress().query) {
    change({ page: "photos", query, parts: [...readAddress().parts, part], item: null, sort: "" });
  }

  #changePart(position, weight) {
    const parts = readAddress().parts.slice();
    if (weight === null) parts.splice(position, 1);
    else parts[position] = { ...parts[position], weight };
    change({ parts, item: null });
    if (weight === null) this.input.focus();
    else this.chips.children[position]?.querySelector("select")?.focus();
  }

  #chip(part, position) {
    const name =
      part.kind === "text" ? part.value : t(part.kind === "item_id" ? "search.this-photo" : "search.your-picture");
    const sign = Math.sign(part.weight);
    const size = Math.abs(part.weight);
    const sizes = WEIGHTS.includes(size) ? WEIGHTS : [...WEIGHTS, size].sort((a, b) => a - b);
    const flip = iconButton(
      sign > 0 ? "plus" : "minus",
      t(sign > 0 ? "search.is-added" : "search.is-taken", { name }),
      () => this.#changePart(position, -part.weight),
    );
    const weight = h(
      "select.chip-weight",
      {
        "aria-label": t("search.weight", { name }),
        onchange: () => this.#changePart(position, sign * Number(weight.value)),
      },
      sizes.map((value) => h("option", { value, selected: value === size }, `×${value}`)),
    );
    const drop = iconButton("close", t("search.drop", { name }), () => this.#changePart(position, null));
    return h(
      "li.chip.part",
      { class: sign < 0 ? "taken" : "" },
      flip,
      pictureOf(part),
      h("span.chip-name", {}, name),
      weight,
      drop,
    );
  }
}

function pictureOf({ kind, value }) {
  if (kind === "text") return null;
  const src = kind === "item_id" ? thumbnailUrl(value) : libraryUrl(`pictures/${encodeURIComponent(value)}`);
  return h("img.chip-picture", { src, alt: "" });
}

/** Take pictures that are dropped or pasted anywhere on the page; return what shows that they can be dropped. */
function acceptDrops(use) {
  const area = h(
    "div.drop-area",
    { hidden: true, "aria-hidden": "true" },
    icon("photos"),
    h("p", {}, t("search.drop-here")),
  );
  const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    area.hidden = false;
  });
  addEventListener("dragleave", (event) => event.relatedTarget === null && (area.hidden = true));
  addEventListener("drop", (event) => {
    area.hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file) use(file);
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (file && !event.defaultPrevented) use(file);
  });
  return area;
}
