// Exact values of single samples, asked for one at a time and kept.

/** @typedef {import("./types.js").NdArray} NdArray */

const KEPT = 24;

/** @typedef {{ want: (name: string, sample: number) => { values: NdArray | null, note: string } | undefined, clear: () => void }} Samples */

/**
 * @param {(method: string, params: object) => Promise<any>} ask
 * @param {() => void} arrived
 * @returns {Samples}
 */
export function createSamples(ask, arrived) {
  /** @type {Map<string, { values: NdArray | null, note: string }>} */
  const kept = new Map();
  /** @type {{ name: string, sample: number } | null} */
  let wanted = null;
  let flying = false;
  let generation = 0;

  const keyOf = (/** @type {string} */ name, /** @type {number} */ sample) => `${sample} ${name}`;

  function next() {
    if (flying || !wanted) return;
    const { name, sample } = wanted;
    const asked = generation;
    wanted = null;
    if (kept.has(keyOf(name, sample))) return;
    flying = true;
    ask("sample", { name, sample })
      .then(
        (payload) => ({ values: payload.values, note: String(payload.note ?? "") }),
        (error) => ({ values: null, note: String(error.message) }),
      )
      .then((answer) => {
        flying = false;
        if (asked === generation) {
          kept.set(keyOf(name, sample), answer);
          for (const key of kept.keys()) if (kept.size > KEPT) kept.delete(key);
          arrived();
        }
        next();
      });
  }

  return {
    /**
     * What is known of a sample; asks for it where nothing is, after the answer under way, and only for the latest wish.
     * @param {string} name @param {number} sample
     */
    want(name, sample) {
      const answer = kept.get(keyOf(name, sample));
      if (!answer) {
        wanted = { name, sample };
        next();
      }
      return answer;
    },
    /** Forgets what belongs to an earlier batch, and ignores answers that still come for it. */
    clear() {
      generation++;
      kept.clear();
      wanted = null;
      // A kernel that never answered for the old batch must not block the new one.
      flying = false;
    },
  };
}
