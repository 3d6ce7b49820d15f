// The page's mirror of what the forward view is sent (see nbinspect/records.py), and of what it remembers. Types only.

/**
 * @typedef {import("../types.js").NdArray} NdArray
 * @typedef {import("../types.js").Finding} Finding
 * @typedef {import("../types.js").Model} Model
 *
 * @typedef {{ file: string, line: number, function: string, first: number }} Place
 * @typedef {{ file: string, function: string, first: number, lines: string[] }} SourceCode
 *
 * @typedef {object} Moments null stands for a number that JSON lacks
 * @property {number} count
 * @property {number | null} mean
 * @property {number | null} std
 * @property {number | null} min
 * @property {number | null} max
 * @property {number} nan
 * @property {number} inf
 * @property {number} zero
 * @property {number} negative
 * @property {number} saturated
 * @property {number} sampled
 * @property {NdArray} bars
 * @property {[number | null, number | null]} edges
 *
 * @typedef {object} Activation
 * @property {string} name
 * @property {number[]} shape
 * @property {string} dtype
 * @property {string} device
 * @property {boolean} requires_grad
 * @property {Moments | null} moments
 * @property {number} units
 * @property {number} dead
 * @property {Moments | null} gradient
 * @property {string} note
 *
 * @typedef {{ name: string, origin: string, step: number | null, shape: number[], dtype: string }} TensorUse
 *
 * @typedef {object} Step
 * @property {number} index
 * @property {"module" | "operation"} kind
 * @property {string} name
 * @property {string} path
 * @property {number} call
 * @property {number | null} parent
 * @property {number} depth
 * @property {Place | null} place
 * @property {TensorUse[]} inputs
 * @property {Activation[]} outputs
 * @property {string[]} parameters
 * @property {boolean} grad_enabled
 * @property {string | null} autocast
 * @property {boolean} in_place
 * @property {number} seconds
 * @property {number | null} memory
 * @property {Finding[]} findings
 * @property {string} note
 *
 * @typedef {{ error: string, step: number | null, place: Place | null, explanation: string }} Failure
 * @typedef {{ name: string, shape: number[], dtype: string, requires_grad: boolean, moments: Moments | null, gradient: Moments | null }} ParameterRecord
 *
 * @typedef {object} ForwardRecord
 * @property {string} model
 * @property {"module" | "operation"} level
 * @property {Step[]} steps
 * @property {SourceCode[]} sources
 * @property {Activation[]} inputs
 * @property {Activation[]} outputs
 * @property {number} size
 * @property {boolean} training
 * @property {string | null} autocast
 * @property {boolean} grad_enabled
 * @property {number | null} loss
 * @property {number} seconds
 * @property {ParameterRecord[]} parameters
 * @property {Failure | null} failure
 * @property {string[]} notes
 *
 * @typedef {object} ActivationView
 * @property {number} step
 * @property {number} output
 * @property {string} name
 * @property {number[]} shape
 * @property {string} dtype
 * @property {string} device
 * @property {"maps" | "matrix" | "attention" | "vector" | "number" | "none"} kind
 * @property {number | null} sample
 * @property {number} samples
 * @property {NdArray} planes
 * @property {[number, number]} size
 * @property {number} first
 * @property {number} total
 * @property {[string, string, string]} axes
 * @property {string[]} row_names
 * @property {string[]} column_names
 * @property {NdArray} low
 * @property {NdArray} high
 * @property {[number | null, number | null]} shared
 * @property {NdArray} dead
 * @property {NdArray} top
 * @property {NdArray | null} excited
 * @property {NdArray} bars
 * @property {[number | null, number | null]} edges
 * @property {string} compared
 * @property {string} note
 *
 * @typedef {object} Effect
 * @property {[number | null, number | null]} loss
 * @property {number | null} greatest
 * @property {[number, number] | null} predictions
 * @property {[number, number | null][]} moved
 * @property {string} text
 *
 * @typedef {"restart" | "over" | "into" | "out" | "run" | "back" | "stop" | "replace" | "gradients" | "edit"} Ability
 * @typedef {"ready" | "running" | "suspended" | "finished" | "failed" | "stopped" | "closed"} PassState
 *
 * @typedef {object} Breakpoint what is asked for is told by `on` or, where that says whether it is active, by the text
 * @property {string | number} id
 * @property {string} text
 * @property {string | boolean} on
 * @property {number} hits
 * @property {string} [kind]
 * @property {boolean} [enabled]
 * @property {string} [file]
 * @property {number} [line]
 * @property {number} [index]
 * @property {string} [module]
 * @property {string} [operation]
 *
 * @typedef {object} Cursor
 * @property {PassState} state
 * @property {number | null} index
 * @property {number} reached
 * @property {number | null} view
 * @property {string} text
 * @property {Failure | null} failure
 * @property {Breakpoint[]} breakpoints
 * @property {string | null} hit
 * @property {Effect | null} effect
 * @property {string[]} edits
 * @property {boolean} training
 * @property {Record<Ability, boolean> & { next?: boolean }} can
 * @property {Partial<Record<Ability, string>>} [why]
 * @property {string[]} notes
 *
 * @typedef {{ state: string, text: string, stale: string | null }} Status
 * @typedef {"" | "previous" | "sample" | "eval" | "train" | "next batch" | "before"} Comparison
 * @typedef {{ planes: NdArray, sample: number, name: string, input?: NdArray | null }} Receptive
 *
 * @typedef {object} State what one view shows now; never sent to Python
 * @property {ForwardRecord | null} passed
 * @property {{ first: number, steps: Step[] }} live
 * @property {Cursor} cursor
 * @property {Status} status
 * @property {ActivationView | null} exhibit what Python shows of the step at the cursor
 * @property {ActivationView | null} looked what it answered when a step was looked at
 * @property {number | null} stood the step at the cursor, also while an earlier one is looked at
 * @property {Step[]} steps of the pass as it stands now, by index
 * @property {number | null} selected a step looked at by hand; -1 is the input, -2 the filters of the first layer
 * @property {number} output
 * @property {number | null} sample chosen by hand
 * @property {number} first plane of the page
 * @property {Comparison} compare
 * @property {number} other sample to compare with
 * @property {boolean} shared whether all planes share one scale
 * @property {number | null} channel chosen plane
 * @property {{ row: number, column: number } | null} unit chosen in that plane, in places of the original
 * @property {Receptive | null} receptive
 * @property {ActivationView | null} input the input as it was last looked at, to lie under a receptive field
 * @property {Region | null} region of the input to edit
 * @property {string[]} pending methods that Python has not answered yet
 * @property {boolean} slow whether what is under way has been so for longer than an eye blinks
 * @property {string | null} failure what the last request was answered with, where it failed
 *
 * @typedef {{ sample: number, row: number, column: number, height: number, width: number }} Region
 * @typedef {import("../types.js").StoreOf<State>} Store
 * @typedef {{ element: HTMLElement, update: (state: State) => void, destroy?: () => void }} View
 *
 * @typedef {object} Actions
 * @property {(method: string, params?: object) => Promise<any>} ask resolves to null where it failed, which is then shown
 * @property {(index: number) => void} select
 * @property {(patch: Partial<State>) => void} look changes what of a step is looked at, and asks for it
 */

export {};
