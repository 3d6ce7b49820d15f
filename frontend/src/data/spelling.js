// How a query spells names and words, so that whatever they hold is read as one.

const NAME = /^[A-Za-z_]\w*$/;
const KEYWORDS = new Set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(" "));

/** A column's name. @param {string} name */
export const nameText = (name) => (NAME.test(name) && !KEYWORDS.has(name) ? name : `\`${name}\``);

/** Whether a query can name the column at all. @param {string} name */
export const isNameable = (name) => !/[`\n\r]/.test(name);

/** A word as a Python string. @param {string} word */
export const wordText = (word) => (/^[^'\\\p{C}]*$/u.test(word) ? `'${word}'` : JSON.stringify(word));

/** @param {string} column @param {string} word */
export const equals = (column, word) => `${nameText(column)} == ${wordText(word)}`;
