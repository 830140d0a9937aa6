/** The viewer: one photo or text as large as the window, with what is known of it. */

import { cameFromInside, change, isSearch } from "./address.js";
import { originalUrl } from "./api.js";
import { button, fill, h, iconButton } from "./dom.js";
import { copyText } from "./dialog.js";
import { itemDetails } from "./details.js";
import { folderOf, loadItem, loadItems, nameOf } from "./items.js";
import { canJudge, judge, onJudgement, showVerdict, thumbs } from "./judge.js";
import { isTyping, showKeys, singleKeys } from "./keys.js";
import { searchSimilar } from "./photos.js";
import { searchOf } from "./results.js";
import { Stage } from "./stage.js";
import { errorState } from "./states.js";
import { t } from "./texts.js";
import { WhyPanel } from "./why.js";
import { teachWord } from "./words.js";

const INFO = "recall-info";

/** The dialog over the page. */
export class Viewer {
  /** @param {{ids: () => number[], library: () => object, onClosed: (id: number) => void}} frame What it needs of the page. */
  constructor(frame) {
    this.frame = frame;
    this.stage = new Stage((by) => this.#step(by));
    this.position = h("span.viewer-position");
    this.title = h("h2.viewer-title");
    this.tools = h("div.viewer-tools");
    this.panel = h("aside.viewer-panel", { "aria-label": t("viewer.info") });
    this.previous = iconButton("left", t("viewer.previous"), () => this.#step(-1), { class: "viewer-step previous" });
    this.next = iconButton("right", t("viewer.next"), () => this.#step(1), { class: "viewer-step next" });
    const close = iconButton("close", t("close"), () => this.#leave());
    this.dialog = h(
      "dialog.viewer",
      { "aria-label": t("viewer") },
      h("header.viewer-bar", {}, close, h("div.viewer-name", {}, this.title, this.position), this.tools),
      h("div.viewer-main", {}, this.previous, this.stage.element, this.next),
      this.panel,
      h("div.messages", { role: "status" }),
    );
    this.dialog.addEventListener("keydown", (event) => this.#onKey(event));
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave();
    });
    onJudgement((id) => id === this.id && showVerdict(this.tools, id));
    this.#showPanel(localStorage.getItem(INFO) === "on");
  }

  /** Show the item of an address, or close. */
  show(address) {
    if (address.item === null) return this.#close();
    if (!this.dialog.open) this.dialog.showModal();
    if (address.item === this.id) return undefined;
    this.id = address.item;
    this.address = address;
    return this.#load(address.item);
  }

  #close() {
    if (!this.dialog.open) return;
    const { id } = this;
    this.id = null;
    this.stage.clear();
    this.dialog.close();
    this.frame.onClosed(id);
  }

  #leave() {
    if (cameFromInside()) history.back();
    else change({ item: null }, { replace: true });
  }

  async #load(id) {
    const ids = this.frame.ids();
    const index = ids.indexOf(id);
    this.previous.disabled = index <= 0;
    this.next.disabled = index < 0 || index >= ids.length - 1;
    fill(this.position, index < 0 ? "" : t("viewer.position", { n: index + 1, total: ids.length }));
    this.#showTools(null);
    try {
      const item = await loadItem(id);
      if (id !== this.id) return;
      fill(this.title, nameOf(item));
      this.stage.show(item);
      this.#showTools(item);
      this.#showDetails(item);
      await loadItems(ids.slice(Math.max(0, index - 1), index + 2)); // the neighbours, so that steps are quick
    } catch (error) {
      if (id !== this.id) return;
      fill(this.title, t("photo"));
      fill(this.panel);
      this.stage.showState(errorState(error, () => this.#load(id)));
    }
  }

  #showTools(item) {
    const isPhoto = item?.kind === "photo";
    const canTeach = isPhoto && !this.frame.library().read_only;
    fill(
      this.tools,
      canJudge() && item ? h("span.pair", {}, thumbs(item.item_id)) : "",
      isPhoto ? iconButton("zoom-in", t("viewer.zoom"), () => this.stage.zoom.toggle(), { class: "wide-only" }) : "",
      isPhoto || item ? iconButton("similar", t("viewer.similar"), () => searchSimilar(item.item_id)) : "",
      canTeach ? iconButton("word", t("words.teach"), () => teachWord([item.item_id])) : "",
      iconButton("info", t("viewer.info"), () => this.#showPanel(this.panel.hidden), {
        "aria-pressed": String(!this.panel.hidden),
        "data-tool": "info",
      }),
    );
  }

  #showDetails(item) {
    const folder = folderOf(item);
    const actions = h(
      "div.viewer-actions",
      {},
      item.collection
        ? ""
        : button(t("viewer.copy-path"), () => copyText(item.path, t("viewer.copied")), { name: "copy" }),
      folder ? button(t("viewer.folder"), () => this.#showFolder(folder), { name: "folder" }) : "",
      button(t("viewer.similar"), () => searchSimilar(item.item_id), { name: "similar" }),
      item.kind === "photo" && !item.collection
        ? h("a.button", { href: originalUrl(item.item_id), download: "" }, t("viewer.original"))
        : "",
    );
    const why = isSearch(this.address) ? new WhyPanel(searchOf(this.address), item, this.stage).element : "";
    fill(this.panel, itemDetails(item), actions, why);
    this.panel.scrollTop = 0;
  }

  #showFolder(folder) {
    change({ page: "photos", query: "", parts: [], filters: { folder }, kind: "all", sort: "", item: null });
  }

  #showPanel(isShown) {
    this.panel.hidden = !isShown;
    this.dialog.classList.toggle("with-panel", isShown);
    this.tools.querySelector("[data-tool=info]")?.setAttribute("aria-pressed", String(isShown));
    localStorage.setItem(INFO, isShown ? "on" : "off");
    this.stage.refit();
  }

  #step(by) {
    const ids = this.frame.ids();
    const target = ids[ids.indexOf(this.id) + by];
    if (target !== undefined && ids.includes(this.id)) change({ item: target }, { replace: true });
  }

  /** Go to the next item without a judgement. */
  #stepToUnjudged() {
    const ids = this.frame.ids();
    const isOpen = (id) => !this.tools.querySelector("[aria-pressed=true][data-verdict]") || id !== this.id;
    const target = ids.slice(ids.indexOf(this.id) + 1).find(isOpen);
    if (target !== undefined) change({ item: target }, { replace: true });
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const pan = this.stage.zoom.isZoomed;
    const arrows = {
      ArrowLeft: () => (pan ? this.stage.zoom.pan(80, 0) : this.#step(-1)),
      ArrowRight: () => (pan ? this.stage.zoom.pan(-80, 0) : this.#step(1)),
      ArrowUp: () => pan && this.stage.zoom.pan(0, 80),
      ArrowDown: () => pan && this.stage.zoom.pan(0, -80),
    };
    const single = {
      "+": () => judge(this.id, "good"),
      "-": () => judge(this.id, "bad"),
      j: () => this.#stepToUnjudged(),
      i: () => this.#showPanel(this.panel.hidden),
      z: () => this.stage.zoom.toggle(),
      "?": showKeys,
    };
    const isInPanel = this.panel.contains(event.target);
    const action = (isInPanel ? undefined : arrows[event.key]) ?? (singleKeys() ? single[event.key] : undefined);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
}
