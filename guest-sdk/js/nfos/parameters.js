/** What the operator may set: an object with one of these for each parameter, by its name. */

import { get } from "nfos:nf/parameters@0.1.0";

/** Ties a parameter to settings of the structures that are opened under the names; a name that ends
 * in `*` means all that begin like it. Where a conflict on a structure is relaxed by the setting,
 * reports name the parameter with a value to try. Settings are "capacity", "duration",
 * "refresh-interval", "staleness", "write-interval" and "method". */
export function relaxing(parameter, structures) {
  const relaxes = Object.entries(structures).map(([setting, structure]) => ({ setting, structure }));
  return { ...parameter, relaxes };
}

/** A number, a BigInt, up to 2^64 - 1, or within a range of which both ends belong to it. */
export function unsigned(help, value, range) {
  const constraint = range ? { tag: "range", val: range.map(BigInt) } : { tag: "any" };
  return { help, default: { tag: "unsigned", val: BigInt(value) }, constraint };
}

/** Yes or no. */
export function flag(help, value = false) {
  return { help, default: { tag: "boolean", val: value }, constraint: { tag: "any" } };
}

/** A text. */
export function text(help, value = "") {
  return { help, default: { tag: "text", val: value }, constraint: { tag: "any" } };
}

/** One of several words. */
export function choice(help, value, choices) {
  const constraint = { tag: "choices", val: choices };
  return { help, default: { tag: "text", val: value }, constraint };
}

/** The description of the parameters. */
export function describeParameters(parameters) {
  return Object.entries(parameters).map(([name, parameter]) => ({ name, relaxes: [], ...parameter }));
}

/** Their values, by their names. */
export function readParameters(parameters) {
  return Object.fromEntries(Object.keys(parameters).map((name) => [name, get(name).val]));
}
