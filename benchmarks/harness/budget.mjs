// Lines of the performance budget: what was to be reached, what was, and where it was not, why.
import { decimal, median, spread } from './statistics.mjs';

/**
 * @typedef {{ what: string, target: string, measured: string, verdict: string }} BudgetLine
 * `what` names the line: a later run replaces the line of that name.
 */

/**
 * A ratio that is to be reached or passed.
 * @param {string} what
 * @param {number} target
 * @param {readonly number[]} measured a round each
 * @param {string} ifMissed the reason, and the next step
 * @returns {BudgetLine}
 */
export function atLeast(what, target, measured, ifMissed) {
  const met = median(measured) >= target;
  return { what, target: `≥ ${decimal(target, 2)}`, measured: spread(measured), verdict: met ? 'met' : ifMissed };
}

/**
 * The same, with the ratio of CPU a request beside it: on a machine that has other work too, that one wavers less.
 * @param {readonly number[]} cheaper how many times less CPU a request takes, a round each
 */
export function atLeastWithCpu(what, target, measured, cheaper, ifMissed) {
  const line = atLeast(what, target, measured, ifMissed);
  return { ...line, measured: `${line.measured}; by CPU ${decimal(median(cheaper))}` };
}

/** A figure that is not to be passed; see {@link atLeast}. @returns {BudgetLine} */
export function atMost(what, target, measured, ifMissed) {
  const met = median(measured) <= target;
  return { what, target: `≤ ${decimal(target, 2)}`, measured: spread(measured), verdict: met ? 'met' : ifMissed };
}
