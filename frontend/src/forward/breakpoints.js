// Which breakpoint stands where.

import { fileName } from "./pass.js";

/** @typedef {import("./types.js").Breakpoint} Breakpoint */

/** Conditions on values, as asked for and as said. @type {[string, string, RegExp][]} */
export const CONDITIONS = [
  ["non-finite", "non-finite: NaN or infinite values", /^non-finite\b/],
  ["all-zero", "all-zero: every value is 0", /^all-zero\b/],
  ["dead", "dead: units zero on every sample", /^dead\b/],
  ["saturated", "saturated: values at an end of their range", /^saturated\b/],
  ["batch-axis", "batch-axis: it changes its length", /^batch-axis\b/],
];

/** As it is shown: of a file its own name. @param {Breakpoint} point */
export const worded = ({ text }) => text.replace(/^.*[\\/](?=[^\\/]+:\d+$)/, "");

/** @param {Breakpoint} point */
export const isOn = (point) => point.enabled ?? point.on !== false;

/** What it breaks on, where that is told apart from the text. @param {Breakpoint} point */
const kindOf = (point) => point.kind ?? (typeof point.on === "string" ? point.on : null);

/** @param {Breakpoint[]} points @param {string} condition */
export function onCondition(points, condition) {
  const words = CONDITIONS.find(([name]) => name === condition)?.[2];
  return points.find((point) => (kindOf(point) === null ? words?.test(point.text) : kindOf(point) === condition)) ?? null;
}

/** @param {Breakpoint[]} points @param {string} file @param {number} line */
export function onLine(points, file, line) {
  return (
    points.find((point) => {
      if (point.line !== undefined && point.line !== null) return point.line === line && (!point.file || fileName(point.file) === fileName(file));
      if (![null, "line"].includes(kindOf(point))) return false;
      const named = point.text.match(/([^\s/\\]+):(\d+)/);
      return named !== null && named[1] === fileName(file) && Number(named[2]) === line;
    }) ?? null
  );
}

/** @param {Breakpoint[]} points @param {import("./types.js").Step} step */
export function onStep(points, step) {
  return (
    points.find((point) => {
      if (point.index !== undefined && point.index !== null) return point.index === step.index;
      if (point.module !== undefined && point.module !== null) return step.kind === "module" && point.module === step.path;
      if (point.operation !== undefined && point.operation !== null) return step.kind === "operation" && point.operation === step.name;
      return [`step ${step.index}`, step.name, ...(step.kind === "module" && step.path ? [step.path] : [])].includes(point.text);
    }) ?? null
  );
}
