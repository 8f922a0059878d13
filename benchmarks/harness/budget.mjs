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

/** A figure that is not to be passed; see {@link atLeast}. @returns {BudgetLine} */
export function atMost(what, target, measured, ifMissed) {
  const met = median(measured) <= target;
  return { what, target: `≤ ${decimal(target, 2)}`, measured: spread(measured), verdict: met ? 'met' : ifMissed };
}
