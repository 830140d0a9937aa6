/** One picture of the grid. */

import { thumbnailUrl } from "./api.js";
import { change, readAddress, writeAddress } from "./address.js";
import { fill, h, icon } from "./dom.js";
import { knownItem, nameOf } from "./items.js";
import { canJudge, showVerdict, thumbs, verdictOf } from "./judge.js";
import { shownDate } from "./numbers.js";
import { t } from "./texts.js";

const RETRY = 1500; // milliseconds after which a picture that did not come is asked for once more

/** Return the element of an item: a link that opens it, without its picture yet. */
export function makeTile({ id, kind, index, count }) {
  const link = h("a.tile-link", {
    href: writeAddress({ ...readAddress(), item: id }),
    tabindex: "-1",
    onclick: (event) => open(event, id),
  });
  const tile = h("li.tile", { "aria-setsize": count, "aria-posinset": index + 1, "data-id": id, class: kind }, link);
  const offer = () => offerThumbs(tile, id);
  tile.addEventListener("pointerenter", offer, { once: true });
  tile.addEventListener("focusin", offer, { once: true });
  if (kind !== "photo") link.append(icon("text"), h("span.tile-text"));
  describeTile(tile);
  markTile(tile);
  return tile;
}

function open(event, id) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab or window
  event.preventDefault();
  change({ item: id });
}

function offerThumbs(tile, id) {
  if (canJudge() && !tile.querySelector(".tile-thumbs")) {
    tile.append(h("div.tile-thumbs", {}, thumbs(id, { tabindex: "-1" }))); // the keys + and - do the same
  }
}

/** Say in a tile what is known of its item: the label, and the text of a text. */
export function describeTile(tile) {
  const item = knownItem(Number(tile.dataset.id));
  const link = tile.firstChild;
  const isPhoto = tile.classList.contains("photo");
  if (!item) return void link.setAttribute("aria-label", t(isPhoto ? "photo" : "text"));
  const words = [nameOf(item), item.taken_at && shownDate(item.taken_at)].filter(Boolean).join(", ");
  link.setAttribute("aria-label", words);
  link.title = words;
  if (!isPhoto) link.querySelector(".tile-text").textContent = item.text || nameOf(item);
}

/** Show how a tile's item was judged. */
export function markTile(tile) {
  const id = Number(tile.dataset.id);
  const verdict = verdictOf(id);
  tile.classList.toggle("good", verdict === "good");
  tile.classList.toggle("bad", verdict === "bad");
  tile.querySelector(".tile-verdict")?.remove();
  if (verdict)
    tile.append(h("span.tile-verdict", { role: "img", "aria-label": t(`judge.is-${verdict}`) }, icon(verdict)));
  showVerdict(tile, id);
}

/** Load a tile's picture; until it is there, the tile has its colour and its size. */
export function loadPicture(tile) {
  if (tile.dataset.asked || !tile.classList.contains("photo")) return;
  tile.dataset.asked = "1";
  const url = thumbnailUrl(tile.dataset.id);
  const image = h("img", { alt: "", decoding: "async", draggable: "false", fetchpriority: "low" });
  image.addEventListener("load", () => tile.classList.add("loaded"));
  image.addEventListener("error", () => {
    if (image.dataset.again) return showMissing(tile);
    image.dataset.again = "1";
    setTimeout(() => tile.isConnected && (image.src = `${url}&again=1`), RETRY);
    return undefined;
  });
  image.src = url;
  tile.firstChild.append(image);
}

function showMissing(tile) {
  tile.classList.add("missing");
  fill(tile.firstChild, icon("warning"), h("span.tile-text", {}, t("picture.missing")));
}
