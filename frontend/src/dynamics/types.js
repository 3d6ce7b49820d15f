// The page's mirror of the dynamics records in nbinspect/records.py and of the widget's traits. Types only; nothing here runs.

/**
 * @typedef {import("../types.js").NdArray} NdArray
 * @typedef {import("../types.js").DecodedBatch} DecodedBatch
 *
 * @typedef {object} Trace one number over the steps of a run
 * @property {string} name
 * @property {string} part
 * @property {NdArray} step
 * @property {NdArray} low
 * @property {NdArray} mean
 * @property {NdArray} high
 * @property {NdArray} broken
 *
 * @typedef {"classification" | "binary" | "multilabel" | "regression" | "segmentation" | "language-model" | "other"} Task
 *
 * @typedef {object} ProbeRecord
 * @property {"train" | "validation"} split
 * @property {string} chosen
 * @property {Task} task
 * @property {DecodedBatch} batch
 * @property {NdArray | null} targets
 * @property {string[]} classes
 * @property {NdArray} columns
 * @property {boolean} train_mode
 *
 * @typedef {object} Reading
 * @property {number} step
 * @property {NdArray} values
 * @property {NdArray} guesses
 * @property {NdArray} losses
 * @property {NdArray} correct
 * @property {NdArray} confidence
 * @property {NdArray} margin
 * @property {NdArray} jitter
 * @property {NdArray} flips
 * @property {NdArray} forgotten
 *
 * @typedef {"alert" | "spike" | "broken" | "rate" | "pin" | "pause" | "back" | "note" | "checkpoint" | "checks" | "problem"} MomentKind
 * @typedef {{ step: number, kind: MomentKind, text: string, since: number | null }} Moment
 *
 * @typedef {object} Spike
 * @property {number} step
 * @property {number} loss
 * @property {number} usual
 * @property {DecodedBatch | null} batch
 * @property {NdArray} losses
 * @property {string} note
 *
 * @typedef {object} DynamicsRecord
 * @property {string} model
 * @property {string[]} optimizers
 * @property {number} steps
 * @property {number} seconds
 * @property {number | null} overhead
 * @property {number} budget
 * @property {ProbeRecord[]} probes
 * @property {Reading[][]} readings
 * @property {Trace[]} traces
 * @property {Moment[]} moments
 * @property {Spike[]} spikes
 * @property {number[]} pins
 * @property {string[]} notes
 *
 * @typedef {object} Status
 * @property {"idle" | "running" | "paused" | "stopped" | "ended" | "error" | "closed"} state
 * @property {string} text
 * @property {string | null} stale
 * @property {"on" | "off" | "unknown"} live
 * @property {string} liveText
 * @property {number} step
 * @property {{ optimizer?: string, group: string, rate: number }[]} rates
 * @property {boolean} canPause
 * @property {string} whyNot
 * @property {string | null} following
 * @property {boolean} background
 * @property {boolean} journal
 *
 * @typedef {"predictions" | "paths" | "confusion" | "residuals" | "compare" | "spikes"} Tab which prediction panel is shown; those of the task
 * @typedef {"index" | "loss" | "flips" | "jitter" | "forgotten" | "margin"} SortKey
 *
 * @typedef {object} State what one view shows now; never sent to Python
 * @property {DynamicsRecord | null} record all that has come, news appended
 * @property {Status} status
 * @property {number} probe which of the probes is looked at
 * @property {number | null} at position of the scrubber: an index into the probe's readings; null follows the newest
 * @property {boolean} playing
 * @property {number[]} pinned readings that are compared, by step: two at most
 * @property {number | null} sample the sample whose trajectory is shown
 * @property {Tab} tab
 * @property {SortKey} sort
 * @property {number | null} spike index of the spike that is looked at
 * @property {boolean} log whether the loss is drawn on a log scale
 * @property {number} smoothing 0 … 0.99, the weight of the past in the running mean of the lines
 * @property {string[]} pending methods that Python has not answered yet
 * @property {string | null} failure what the last request was answered with, where it failed
 * @property {string} said what the last request was answered with, in words
 * @property {Reading | null} reading the reading at the scrubber; derived
 * @property {Reading[]} readings of the probe looked at; derived
 * @property {number[]} order samples, sorted; derived
 *
 * @typedef {(method: string, params?: object) => Promise<any>} Ask resolves to null where it failed, which is then shown
 * @typedef {import("../types.js").StoreOf<State>} Store
 * @typedef {{ element: HTMLElement, update: (state: State) => void, restyle?: () => void, destroy?: () => void }} View restyle: colours have changed
 */

export {};
