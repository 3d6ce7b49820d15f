// The page's mirror of what the sanity view is sent (see nbinspect/records.py), and of what it remembers. Types only.

/**
 * @typedef {import("../types.js").NdArray} NdArray
 * @typedef {import("../types.js").Model} Model
 *
 * @typedef {"pass" | "warn" | "fail" | "inconclusive" | "skip" | "waived" | "error"} Verdict
 * @typedef {{ quantity: string, measured: string, expected: string }} Measurement
 * @typedef {{ file: string, line: number, function: string, first: number }} Place
 *
 * @typedef {object} Chart
 * @property {"lines" | "bars" | "histogram" | "matrix"} kind
 * @property {string} title
 * @property {string} x
 * @property {string} y
 * @property {string[]} names
 * @property {NdArray[]} values
 * @property {NdArray} at
 * @property {[number | null, number | null]} expected
 * @property {boolean} log
 *
 * @typedef {object} CheckResult
 * @property {string} check
 * @property {string} stage
 * @property {Verdict} status
 * @property {string} summary
 * @property {string} title
 * @property {string} detail
 * @property {Measurement[]} measurements
 * @property {string} where
 * @property {Place | null} place
 * @property {string} remedy
 * @property {string} code
 * @property {Chart[]} charts
 * @property {boolean} confirmed
 * @property {boolean} is_apart whether nothing else follows from it
 * @property {string} explained_by
 * @property {string[]} explains
 * @property {string[]} sources
 * @property {number} passes
 * @property {number} steps training steps on copies
 * @property {number} seconds
 *
 * @typedef {object} CheckFacts
 * @property {string} name
 * @property {string} stage
 * @property {string} question
 * @property {string} why
 * @property {string} remedy
 * @property {string} silent
 * @property {number} cost passes at most; of the stage training, training steps
 * @property {string[]} needs
 * @property {[string, string][]} thresholds
 * @property {string[]} explains
 * @property {string[]} sources
 *
 * @typedef {{ kind: string, given: boolean, why: string, loss: string, classes: number | null }} Task
 *
 * @typedef {object} SanityRecord
 * @property {string} model
 * @property {CheckResult[]} results
 * @property {string[]} diagnosis
 * @property {Task | null} task
 * @property {string} device
 * @property {[number, number] | null} memory
 * @property {number} seed
 * @property {number} seconds
 * @property {number} passes
 * @property {string} cut
 * @property {string[]} notes
 * @property {[string, string][]} versions
 * @property {number} steps training steps on copies
 * @property {boolean} plain whether augmentation and regularisation were off
 *
 * @typedef {{ done: number, total: number, check: string, seconds: number, left: number | null, steps: number }} Progress
 * @typedef {{ state: "idle" | "busy" | "waiting" | "error" | "closed", text: string, stale: string | null }} Status
 *
 * @typedef {object} State what one view shows now; never sent to Python
 * @property {CheckFacts[]} catalogue
 * @property {SanityRecord | null} record
 * @property {boolean} plain whether runs are plain ones, and those that are shown
 * @property {Record<string, Verdict>} other verdicts of the other kind of run, by check: of the plain one, or of the one as it is
 * @property {CheckResult | null} swap what the swap of model and data came to, in the form of a result
 * @property {Progress | null} progress null while no checks run
 * @property {Status} status
 * @property {Map<string, CheckResult>} results by check; a result that has not changed stays the same object
 * @property {string | null} chosen the check selected by hand
 * @property {string[]} ran the checks of the last run, as far as it has come
 * @property {string | null} earlier what was chosen when it began
 * @property {string | null} selected the check whose evidence is shown: the chosen one, or what is to be mended first, or the worst that ran
 * @property {boolean} why whether "why this check" lies open
 * @property {string[]} pending methods that Python has not answered yet
 * @property {boolean} stuck whether Cancel has not been heard for longer than it should take
 * @property {string | null} failure what the last request was answered with, where it failed
 *
 * @typedef {import("../types.js").StoreOf<State>} Store
 * @typedef {{ element: HTMLElement, update: (state: State) => void, destroy?: () => void }} View
 *
 * @typedef {object} Actions
 * @property {(only: string[] | null) => void} run checks, or the swap by its name
 * @property {(on: boolean) => void} plain
 * @property {() => void} cancel
 * @property {(form: string) => void} save
 * @property {(name: string) => void} select
 * @property {() => void} open puts the focus on the evidence
 */

export {};
