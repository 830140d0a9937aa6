/** The justified layout: rows of equal height that fill the width, computed from aspect ratios alone. */

const NARROWEST = 0.5; // a narrower picture is cropped to it in the grid: it would be a line
const WIDEST = 3.2; // so is a wider one, which would fill a row with a strip

/**
 * Return where each picture stands. Only ratios are needed, so nothing moves when pictures arrive.
 * @param {Float32Array} ratios Width by height of each.
 * @param {number} width Width of the grid in pixels.
 * @param {{target: number, gap: number, sections: {start: number, heading: number}[]}} options Height that rows should
 *   have, space between pictures, and where sections start with the height of their headings; the first starts at 0.
 */
export function justify(ratios, width, { target, gap, sections }) {
  const count = ratios.length;
  const layout = {
    count,
    lefts: new Float32Array(count),
    widths: new Float32Array(count),
    rows: new Int32Array(count), // the row of each picture
    rowStarts: [],
    rowTops: [],
    rowHeights: [],
    sections: [],
    height: 0,
  };
  let top = 0;
  sections.forEach((section, number) => {
    const end = number + 1 < sections.length ? sections[number + 1].start : count;
    const placed = { ...section, end, top };
    top += section.heading;
    top = placeRows(layout, ratios, { start: section.start, end, top, width, target, gap });
    placed.bottom = top;
    layout.sections.push(placed);
    top += 2 * gap;
  });
  layout.height = top;
  return layout;
}

function placeRows(layout, ratios, { start, end, top, width, target, gap }) {
  let first = start;
  let sum = 0;
  for (let index = start; index < end; index += 1) {
    const ratio = bounded(ratios[index]);
    const count = index - first;
    const without = count ? heightOf(sum, count, width, gap) : Infinity;
    const within = heightOf(sum + ratio, count + 1, width, gap);
    // a row ends where its height is nearest to the wanted one
    if (count && within < target && target - within > without - target) {
      top = placeRow(layout, ratios, { first, end: index, top, height: without, gap });
      first = index;
      sum = ratio;
    } else sum += ratio;
  }
  if (first < end) {
    const height = Math.min(heightOf(sum, end - first, width, gap), target * 1.15); // the last row need not be full
    top = placeRow(layout, ratios, { first, end, top, height, gap });
  }
  return top;
}

const bounded = (ratio) => Math.min(Math.max(ratio, NARROWEST), WIDEST);

const heightOf = (sum, count, width, gap) => (width - gap * (count - 1)) / sum;

function placeRow(layout, ratios, { first, end, top, height, gap }) {
  const row = layout.rowStarts.length;
  layout.rowStarts.push(first);
  layout.rowTops.push(top);
  layout.rowHeights.push(height);
  let left = 0;
  for (let index = first; index < end; index += 1) {
    layout.lefts[index] = left;
    layout.widths[index] = bounded(ratios[index]) * height;
    layout.rows[index] = row;
    left += layout.widths[index] + gap;
  }
  return top + height + gap;
}

/** Return the first and last+1 index of the pictures between two heights. */
export function visibleRange(layout, top, bottom) {
  if (layout.count === 0) return [0, 0];
  const first = Math.max(lastAtMost(layout.rowTops, top), 0);
  const last = Math.max(lastAtMost(layout.rowTops, bottom), 0);
  const end = last + 1 < layout.rowStarts.length ? layout.rowStarts[last + 1] : layout.count;
  return [layout.rowStarts[first], end];
}

/** Return the last position in an ascending list whose value is at most `value`, -1 if there is none. */
export function lastAtMost(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return the picture of the next or previous row that is nearest above or below a picture. */
export function neighbourRow(layout, index, step) {
  const row = layout.rows[index] + step;
  if (row < 0 || row >= layout.rowStarts.length) return index;
  const end = row + 1 < layout.rowStarts.length ? layout.rowStarts[row + 1] : layout.count;
  const centre = layout.lefts[index] + layout.widths[index] / 2;
  let best = layout.rowStarts[row];
  for (let other = best; other < end; other += 1) {
    if (layout.lefts[other] <= centre) best = other;
  }
  return best;
}
