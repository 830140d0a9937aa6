/** The stretches of the grid: months of a list by date; likely and unlikely results of a search, with the line between. */

import { button, h } from "./dom.js";
import { monthName } from "./numbers.js";
import { t } from "./texts.js";

const HEADING = 44; // pixels of a month's heading
const LINE = 76; // of the line where the likely results end
const NARROW_LINE = 124; // on a phone, where the button stands below the words
const FEW = 6; // where months, or else years, have fewer photos than this on average, they have no headings

/** Return the stretches of results: {start, heading, name, content}. */
export function sectionsOf(address, results, options) {
  if (results.isSearch) return resultSections(results, options);
  if (results.days && ["", "-date", "date"].includes(address.sort)) return dateSections(results.days);
  return [{ start: 0, heading: 0, name: t("section.all") }];
}

function resultSections(results, { showsUnlikely, width, onUnlikely, onMore }) {
  const { likely, ids } = results;
  const hidden = ids.length - likely;
  const sections = likely ? [{ start: 0, heading: 0, name: t("section.likely") }] : [];
  const hasLine =
    likely > 0 && (hidden > 0 || results.expected) && results.probabilities.some((value) => value !== null);
  if (hasLine || (showsUnlikely && hidden)) {
    const content = line(results, { showsUnlikely, hidden, onUnlikely });
    sections.push({
      start: likely,
      heading: width < 560 && !showsUnlikely ? NARROW_LINE : LINE,
      name: t("section.unlikely"),
      content,
    });
  }
  if (results.more && (showsUnlikely || !hidden)) {
    const more = h("div.line", {}, button(t("more"), onMore));
    sections.push({ start: showsUnlikely ? ids.length : likely, heading: LINE, name: t("more"), content: more });
  }
  return sections;
}

function line({ expected, likely }, { showsUnlikely, hidden, onUnlikely }) {
  const number = expected ? expectedWords(rounded(expected)) : t("line.plain", { n: likely });
  const words = showsUnlikely ? t("line.below") : hidden ? t("line.hidden") : t("line.none");
  const show = !showsUnlikely && hidden > 0 && button(t("line.show"), onUnlikely, { name: "down" });
  return h("div.line", {}, h("p", {}, h("strong", {}, number), " ", h("span.quiet", {}, words)), show);
}

const expectedWords = (expected) => t(expected.number ? "line.expected" : "line.perhaps", expected);

const rounded = ({ number, low, high }) => ({
  number: Math.round(number),
  low: Math.floor(low),
  high: Math.ceil(high),
});

function dateSections(days) {
  const length = [7, 4].find((letters) => days.length / new Set(days.map((day) => day?.slice(0, letters))).size >= FEW);
  if (!length) return [{ start: 0, heading: 0, name: t("section.all") }];
  const sections = [];
  let last;
  days.forEach((day, index) => {
    const when = day ? day.slice(0, length) : "";
    if (when === last) return;
    last = when;
    sections.push({ start: index, heading: HEADING, name: when ? monthName(when) : t("section.undated") });
  });
  return sections;
}
