// The page's mirror of the traits and answers of the data explorer. Types only; nothing here runs.

/**
 * @typedef {import("../types.js").NdArray} NdArray
 * @typedef {import("../types.js").DecodedBatch} DecodedBatch
 * @typedef {"number" | "class" | "text" | "flag" | "index"} ColumnKind
 * @typedef {ArrayLike<number> | NdArray | null | undefined} Counts numbers, packed or not
 *
 * @typedef {object} ColumnFacts
 * @property {string} name
 * @property {ColumnKind} kind
 * @property {"sample" | "target" | "input" | "finding" | "model" | "mark"} about
 * @property {string[] | null} words
 * @property {string} unit
 * @property {string} help
 * @property {number | null} low
 * @property {number | null} high
 * @property {number} missing
 *
 * @typedef {{ kind: string, level: "ok" | "note" | "warn", text: string, count: number, query: string }} Finding
 *
 * @typedef {object} FeatureFacts
 * @property {string} name
 * @property {number | null} mean
 * @property {number | null} std
 * @property {number | null} low
 * @property {number | null} high
 * @property {number} missing
 * @property {boolean} constant
 * @property {string} same_as
 *
 * @typedef {object} Dataset
 * @property {number} serial
 * @property {string} name
 * @property {string} split
 * @property {string[]} splits
 * @property {number | null} total
 * @property {number} scanned
 * @property {boolean} complete
 * @property {number} failed
 * @property {string} form
 * @property {string} labelKind
 * @property {boolean} hasModel
 * @property {boolean} predicted
 * @property {ColumnFacts[]} columns
 * @property {Finding[]} findings
 * @property {FeatureFacts[]} features
 * @property {{ index: number, error: string }[]} failures
 * @property {string[]} notes
 * @property {{ suspicious: number, excluded: number }} marks
 *
 * @typedef {object} HistogramView
 * @property {string} column
 * @property {"number" | "class"} kind
 * @property {Counts} [edges]
 * @property {string[]} [words]
 * @property {Counts} all
 * @property {Counts} shown
 * @property {Counts} other
 * @property {[number, number] | string[] | null} brush
 * @property {number} [more] words that are left out
 *
 * @typedef {object} ScatterView
 * @property {string} x
 * @property {string} y
 * @property {string | null} colour
 * @property {Counts} rows
 * @property {Counts} xs
 * @property {Counts} ys
 * @property {Counts} codes
 * @property {string[] | null} words null where codes are steps from `low` to `high`
 * @property {number | null} [low]
 * @property {number | null} [high]
 * @property {Counts} shown
 * @property {string} title
 * @property {string} note
 *
 * @typedef {object} Asked what is looked at now; the kernel holds it
 * @property {number} serial
 * @property {string} query
 * @property {string | null} queryError
 * @property {{ column: string, descending: boolean } | null} sort
 * @property {string | null} group
 * @property {{ word: string, count: number, first: number }[] | null} groups
 * @property {number} count
 * @property {number} total
 * @property {Counts} selected
 * @property {number} selectedCount
 * @property {HistogramView | null} histogram
 * @property {ScatterView | null} scatter
 *
 * @typedef {object} Status
 * @property {"idle" | "busy" | "waiting" | "error" | "closed"} state
 * @property {string} text
 * @property {string | null} work
 * @property {number | null} done
 * @property {number | null} left
 * @property {string | null} stale
 */

/**
 * @typedef {"charts" | "findings" | "labels" | "features" | "splits" | "confusion" | "slices" | "outputs" | "issues" | "baselines" | "human" | "decomposition"} Tab
 * @typedef {"table" | "gallery" | "both"} Mode
 * @typedef {{ payload: any, error: string | null, serial: number }} Answer
 * @typedef {{ row: number, position: number | null, columns: string[], cells: string[] }} Chosen a sample, with the figures in its row where they are known
 *
 * @typedef {object} State what one view shows now; never sent to Python
 * @property {Dataset | null} dataset
 * @property {Asked | null} view
 * @property {Status} status
 * @property {Mode} mode
 * @property {Tab} tab
 * @property {Chosen | null} sample
 * @property {boolean} labelling whether samples are labelled by hand: then nothing shows their labels
 * @property {string[]} pending methods that Python has not answered yet, one entry a request
 * @property {string[]} late those that have been waited for long enough to say so
 * @property {string | null} failure what the last request was answered with, where it failed
 * @property {string | null} queryError what the last query was answered with, where it failed
 * @property {Map<string, Answer>} answers the last answer to each kind of work, by its key
 * @property {number} arrivals counts rows and previews that have come
 * @property {Set<number>} selected rows; derived
 *
 * @typedef {import("../types.js").StoreOf<State>} Store
 * @typedef {{ element: HTMLElement, update: (state: State) => void, restyle?: () => void, destroy?: () => void }} View
 *
 * @typedef {object} Actions
 * @property {(method: string, params?: object) => Promise<any>} ask null where it failed, which is then shown
 * @property {(method: string, params?: object) => Promise<any>} request rejects where it failed; shows nothing
 * @property {(query: string) => Promise<boolean>} filter whether it was understood
 * @property {(key: string, method: string, params?: object) => Promise<void>} work asks for work whose answer is kept under the key
 * @property {(sample: Chosen | null) => void} open
 * @property {() => void} openHuman
 *
 * @typedef {{ store: Store, actions: Actions, rows: import("./rowcache.js").Rows, previews: import("./previews.js").Previews }} Kit
 */

export {};
