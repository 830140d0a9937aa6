/** Details of items, fetched in batches for what is visible and kept for a while. */

import { get, libraryUrl, post } from "./api.js";

const KEPT = 4000; // details of this many items are kept
const BATCH = 200; // and this many are asked for at once

const known = new Map();

/** Forget all details: another library was chosen, or the library changed. */
export const forgetItems = () => known.clear();

/** Return the details of an item if they are here, else undefined. */
export const knownItem = (id) => known.get(id);

/** Return the details of one item. */
export async function loadItem(id) {
  if (!known.has(id)) remember(await get(libraryUrl(`items/${id}`)));
  return known.get(id);
}

/** Fetch the details of several items; afterwards `knownItem` has those that exist. */
export async function loadItems(ids) {
  const missing = ids.filter((id) => !known.has(id));
  for (let start = 0; start < missing.length; start += BATCH) {
    const { items } = await post(libraryUrl("items/batch"), { item_ids: missing.slice(start, start + BATCH) });
    items.forEach(remember);
  }
}

function remember(item) {
  known.set(item.item_id, item);
  while (known.size > KEPT) known.delete(known.keys().next().value);
}

/** Return the name of an item: its title, its file's name, or its id. */
export const nameOf = (item) => item.title || item.path.split(/[\\/]/).pop() || item.id;

/** Return the folder of an item's file, null if it has no file. */
export function folderOf(item) {
  const end = Math.max(item.path.lastIndexOf("/"), item.path.lastIndexOf("\\"));
  return item.collection || end < 1 ? null : item.path.slice(0, end);
}
