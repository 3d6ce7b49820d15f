// Everything that has come of a run, in arrays that grow: what is new is appended, nothing is copied twice.

/** @typedef {import("./types.js").DynamicsRecord} DynamicsRecord */
/** @typedef {import("./types.js").Trace} Trace */
/** @typedef {import("../types.js").NdArray} NdArray */

const COLUMNS = /** @type {const} */ (["step", "low", "mean", "high", "broken"]);

/** A column of numbers with room behind it.
 * @param {NdArray} from
 */
function createColumn(from) {
  let held = Float64Array.from(from.data);
  let length = held.length;
  return {
    /** @param {NdArray} more */
    append({ data }) {
      if (length + data.length > held.length) {
        const wider = new Float64Array(2 * (length + data.length));
        wider.set(held.subarray(0, length));
        held = wider;
      }
      held.set(data, length);
      length += data.length;
    },
    /** @returns {NdArray} a view of what is there now */
    view: () => ({ shape: [length], data: held.subarray(0, length) }),
  };
}

/** @param {Trace} trace */
const keyOf = (trace) => JSON.stringify([trace.name, trace.part]);

/** One record out of a whole one and the news after it. */
export function createFold() {
  /** @type {Map<string, Record<string, ReturnType<typeof createColumn>>>} */
  let columns = new Map();
  /** @type {DynamicsRecord | null} */
  let record = null;
  let serial = -Infinity;

  /** @param {Trace} trace */
  const start = (trace) => void columns.set(keyOf(trace), Object.fromEntries(COLUMNS.map((name) => [name, createColumn(trace[name])])));

  /** @param {Trace[]} before @param {Trace[]} fresh */
  function appendTraces(before, fresh) {
    const all = [...before];
    for (const trace of fresh) {
      const at = all.findIndex((one) => one.name === trace.name && one.part === trace.part);
      if (at < 0) {
        start(trace);
        all.push(trace);
        continue;
      }
      const own = /** @type {Record<string, ReturnType<typeof createColumn>>} */ (columns.get(keyOf(trace)));
      for (const name of COLUMNS) own[name].append(trace[name]);
      all[at] = { ...all[at], ...Object.fromEntries(COLUMNS.map((name) => [name, own[name].view()])) };
    }
    return all;
  }

  return {
    /**
     * @param {{ serial: number, record: DynamicsRecord } | null} whole
     * @returns {DynamicsRecord | null}
     */
    replace(whole) {
      columns = new Map();
      record = whole?.record ?? null;
      serial = whole?.serial ?? -Infinity;
      for (const trace of record?.traces ?? []) start(trace);
      return record;
    },
    /**
     * @param {{ serial: number, record: DynamicsRecord } | null} news
     * @returns {DynamicsRecord | null} the same object where the news are in it already
     */
    append(news) {
      if (!news || news.serial <= serial) return record;
      serial = news.serial;
      const fresh = news.record;
      const before = record ?? { ...fresh, probes: [], readings: [], traces: [], moments: [], spikes: [], pins: [], notes: [] };
      const probes = fresh.probes.length ? fresh.probes : before.probes;
      const many = Math.max(before.readings.length, fresh.readings.length);
      record = {
        ...fresh,
        probes,
        readings: Array.from({ length: many }, (_, i) => joined(before.readings[i] ?? [], fresh.readings[i] ?? [])),
        traces: appendTraces(before.traces, fresh.traces),
        moments: joined(before.moments, fresh.moments),
        spikes: joined(before.spikes, fresh.spikes),
        notes: fresh.notes.length ? fresh.notes : before.notes,
      };
      return record;
    },
  };
}

/** Both; the very array where nothing came, so that nothing is drawn anew.
 * @template T
 * @param {T[]} before
 * @param {T[]} fresh
 */
const joined = (before, fresh) => (fresh.length ? [...before, ...fresh] : before);
