/** Judgements on the results of the present search: good or bad, with thumbs or the keys + and -. */

import { libraryUrl, post, remove } from "./api.js";
import { iconButton } from "./dom.js";
import { say } from "./dialog.js";
import { knownItem, nameOf } from "./items.js";
import { t } from "./texts.js";

const verdicts = new Map();
const listeners = new Set();
let search = null;
let sending = Promise.resolve();

/** Begin with the results of a search; null where nothing can be judged: no search, or a read-only library. */
export function judgeSearch(newSearch) {
  search = newSearch;
  verdicts.clear();
  for (const listener of listeners) listener();
}

/** Whether results can be judged now. */
export const canJudge = () => search !== null;

/** Return "good", "bad" or undefined. */
export const verdictOf = (id) => verdicts.get(id);

/** Call a function at each change of a judgement. */
export function onJudgement(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Judge an item; the same verdict again takes it back. What is sent waits for what was sent of it before. */
export async function judge(id, verdict) {
  if (!canJudge()) return say(t("judge.search-first"));
  const before = verdicts.get(id);
  const after = before === verdict ? undefined : verdict;
  show(id, after);
  sending = sending.then(() => send(id, before, after));
  return sending;
}

/** Wait until what was judged has been sent. */
export const judgementsSent = () => sending;

async function send(id, before, after) {
  try {
    if (before) await remove(libraryUrl("judgements"), { search, item_ids: [id] });
    if (after) await post(libraryUrl("judgements"), { search, good: [], bad: [], [after]: [id] });
  } catch (error) {
    show(id, before);
    return say(error.message, { isError: true });
  }
  const name = knownItem(id) ? nameOf(knownItem(id)) : t("photo");
  return say(t(after ? `judge.said-${after}` : "judge.taken-back", { name }));
}

function show(id, verdict) {
  if (verdict) verdicts.set(id, verdict);
  else verdicts.delete(id);
  for (const listener of listeners) listener(id);
}

/** Return the two thumbs for an item. */
export function thumbs(id, attributes = {}) {
  return ["good", "bad"].map((verdict) =>
    iconButton(verdict, t(`judge.${verdict}`), () => judge(id, verdict), {
      "aria-pressed": verdicts.get(id) === verdict ? "true" : "false",
      "data-verdict": verdict,
      ...attributes,
    }),
  );
}

/** Show in an element's thumbs how its item was judged. */
export function showVerdict(element, id) {
  for (const thumb of element.querySelectorAll("[data-verdict]")) {
    thumb.setAttribute("aria-pressed", String(verdicts.get(id) === thumb.dataset.verdict));
  }
}
