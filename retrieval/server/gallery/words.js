/** Private words: learnt from photos, shown with their pictures, and forgotten. */

import { change } from "./address.js";
import { libraryUrl, post, remove, thumbnailUrl } from "./api.js";
import { button, h, iconButton } from "./dom.js";
import { askForText, confirmed, say } from "./dialog.js";
import { t } from "./texts.js";

/** Ask for a word, and teach it from photos. */
export async function teachWord(itemIds) {
  const word = await askForText(t("words.teach"), t("words.ask"), { note: t("words.note"), action: t("words.learn") });
  if (!word) return;
  try {
    await post(libraryUrl("words"), { word, item_ids: itemIds });
    say(t("words.learnt", { word }));
  } catch (error) {
    say(error.message, { isError: true });
  }
}

/** Return a card for each word. */
export function wordCards(words, isReadOnly, onChange) {
  if (!words.length) return h("p", {}, t("words.none"));
  return h(
    "ul.words",
    { role: "list" },
    words.map((word) => card(word, isReadOnly, onChange)),
  );
}

function card({ word, examples }, isReadOnly, onChange) {
  const forget = iconButton("close", t("words.forget", { word }), () => forgetWord(word, onChange));
  return h(
    "li.word",
    {},
    h("div.row.between", {}, h("h3", {}, word), isReadOnly ? "" : forget),
    h("ul.thumbs", { role: "list" }, examples.map(example)),
    button(t("words.search"), () => change({ page: "photos", query: word, parts: [], filters: {}, item: null }), {
      name: "search",
    }),
  );
}

function example(value) {
  const id = typeof value === "number" ? value : value?.item_id;
  const name = String(value?.path ?? value?.name ?? (id ? "" : value))
    .split(/[\\/]/)
    .pop();
  return h(
    "li.thumb",
    { title: name },
    id ? h("img", { src: thumbnailUrl(id), alt: name || t("photo"), loading: "lazy" }) : h("span.thumb-text", {}, name),
  );
}

async function forgetWord(word, onChange) {
  if (!(await confirmed(t("words.forget", { word }), t("words.forget-note"), t("forget")))) return;
  try {
    await remove(libraryUrl(`words/${encodeURIComponent(word)}`));
    onChange();
  } catch (error) {
    say(error.message, { isError: true });
  }
}
