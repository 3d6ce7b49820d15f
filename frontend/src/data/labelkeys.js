// The keys of labels, and what is meant by what was typed.

const KEYS = "123456789abcdefghijklmnopqrstuvwxyz";

/** A key for each word, its own where it is one letter or digit; none where there are more words than keys. @param {string[]} words */
export function keysOf(words) {
  if (words.length > KEYS.length) return [];
  const names = words.map((word) => word.trim().toLowerCase());
  const own = names.map((name, i) => (/^[0-9a-z]$/.test(name) && names.indexOf(name) === i ? name : ""));
  const free = [...KEYS].filter((key) => !own.includes(key));
  return own.map((key) => key || String(free.shift()));
}

/** The place of the word that is meant by a text: the word itself, or the only one that begins so; −1 for none.
 * @param {string[]} words @param {string} text
 */
export function meant(words, text) {
  const typed = text.trim().toLowerCase();
  if (!typed) return -1;
  const exact = words.findIndex((word) => word === text.trim());
  if (exact >= 0) return exact;
  const names = words.map((word) => word.trim().toLowerCase());
  const same = names.flatMap((name, i) => (name === typed ? [i] : []));
  const begun = same.length ? same : names.flatMap((name, i) => (name.startsWith(typed) ? [i] : []));
  return begun.length === 1 ? begun[0] : -1;
}
