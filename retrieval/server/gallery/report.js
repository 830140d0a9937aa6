/** The tuning report, in sentences and a small table. */

import { h } from "./dom.js";
import { percent } from "./numbers.js";
import { t } from "./texts.js";

/** Return a report as an element. */
export function tuningReport(report) {
  const rows = [
    ["report.quality", percent(report.ndcg_before), percent(report.ndcg_after)],
    ["report.first-five", percent(report.r5_before), percent(report.r5_after)],
    ["report.control", number(report.control_before), number(report.control_after)],
  ].filter(([, before]) => before !== null);
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, t("report.measure")),
    h("th", { scope: "col" }, t("report.before")),
    h("th", { scope: "col" }, t("report.after")),
  );
  const body = rows.map(([name, before, after]) =>
    h("tr", {}, h("th", { scope: "row" }, t(name)), h("td", {}, before), h("td", {}, after)),
  );
  return h(
    "div.report",
    { class: report.passed ? "passed" : "" },
    h(
      "p",
      {},
      h("strong", {}, t(report.passed ? "report.passed" : "report.discarded")),
      report.reason ? ` ${report.reason}` : "",
    ),
    h("p.quiet", {}, t("report.queries", { n: report.queries ?? 0, used: report.used ?? 0 })),
    rows.length ? h("table.table.small", {}, h("thead", {}, head), h("tbody", {}, body)) : "",
  );
}

const number = (value) => (value === null || value === undefined ? null : value.toFixed(1));
