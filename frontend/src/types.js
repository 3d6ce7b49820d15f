// The page's mirror of nbinspect/records.py and of the widget's traits. Types only; nothing here runs.

/**
 * An array after `unpack`; bool arrives as 0 and 1.
 * @typedef {Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array} Numbers
 * @typedef {{ shape: number[], data: Numbers }} NdArray
 *
 * @typedef {object} TensorFacts
 * @property {string} name
 * @property {"input" | "target" | "output"} role
 * @property {(number | null)[]} shape
 * @property {string} dtype
 * @property {string} device
 * @property {string} layout
 * @property {number[]} strides
 * @property {boolean} requires_grad
 *
 * @typedef {object} Statistics
 * @property {"channel" | "feature" | "all"} axis
 * @property {string[]} names
 * @property {NdArray} count
 * @property {NdArray} min
 * @property {NdArray} mean
 * @property {NdArray} std
 * @property {NdArray} max
 * @property {NdArray} zeros
 * @property {NdArray} nan
 * @property {NdArray} posinf
 * @property {NdArray} neginf
 *
 * @typedef {object} SampleStatistics
 * @property {NdArray} min
 * @property {NdArray} mean
 * @property {NdArray} std
 * @property {NdArray} max
 * @property {NdArray} zeros
 * @property {NdArray} nonfinite
 *
 * @typedef {{ counts: NdArray, edges: NdArray, sampled: number }} Histogram
 * @typedef {{ level: "ok" | "warn", kind: string, text: string, row: number | null, samples: number[] }} Finding
 *
 * @typedef {object} TensorRecord
 * @property {TensorFacts} facts
 * @property {Statistics | null} statistics
 * @property {SampleStatistics | null} samples
 * @property {Histogram | null} histogram
 * @property {Finding[]} findings
 * @property {NdArray} preview
 * @property {string} note
 *
 * @typedef {object} Origin
 * @property {string} module
 * @property {"train" | "validation"} split
 * @property {"probe" | "training" | "given"} how
 * @property {number | null} step
 * @property {string[]} notes
 *
 * @typedef {object} BatchRecord
 * @property {number} size
 * @property {TensorRecord[]} tensors
 * @property {boolean} training
 * @property {string | null} autocast
 * @property {boolean} grad_enabled
 * @property {Origin} origin
 * @property {number[] | null} indices
 * @property {string | null} error
 * @property {Finding[]} findings
 *
 * @typedef {{ mean: number[], std: number[], source: string }} Normalisation
 *
 * @typedef {object} Pictures
 * @property {"image" | "values"} decoder
 * @property {string} name
 * @property {"image" | "values"} kind
 * @property {NdArray} planes
 * @property {NdArray} low
 * @property {NdArray} high
 * @property {NdArray | null} exact
 * @property {NdArray | null} marks
 * @property {[number, number]} size
 * @property {NdArray | null} sizes
 * @property {string[]} channels
 * @property {number} total_channels
 * @property {Normalisation | null} normalisation
 * @property {string} normalisation_note
 * @property {number} clipped
 *
 * @typedef {object} Tokens
 * @property {"text"} decoder
 * @property {string} name
 * @property {NdArray} ids
 * @property {string[]} pieces
 * @property {NdArray} index
 * @property {NdArray} special
 * @property {NdArray | null} attended
 * @property {number} length
 * @property {string} source
 *
 * @typedef {{ decoder: "table", name: string, values: NdArray, features: string[], total_features: number }} Table
 *
 * @typedef {object} Series
 * @property {"series" | "audio"} decoder
 * @property {string} name
 * @property {NdArray} low
 * @property {NdArray} high
 * @property {string[]} channels
 * @property {number} total_channels
 * @property {number} length
 * @property {number | null} sample_rate
 *
 * @typedef {Pictures | Tokens | Table | Series} Decoded
 *
 * @typedef {object} Labels
 * @property {string} name
 * @property {"class" | "soft" | "multilabel" | "regression" | "tokens" | "mask" | "boxes" | "picture" | "other"} kind
 * @property {string[]} text
 * @property {NdArray} values
 * @property {string[]} classes
 *
 * @typedef {{ classes: NdArray, names: string[] }} Masks
 * @typedef {{ sample: NdArray, corners: NdArray, text: string[] }} Boxes
 *
 * @typedef {object} DecodedBatch
 * @property {BatchRecord} batch
 * @property {Decoded[]} inputs
 * @property {Decoded[]} targets
 * @property {Labels | null} labels
 * @property {Masks | null} masks
 * @property {Boxes | null} boxes
 * @property {Labels | null} predictions
 * @property {NdArray | null} correct
 * @property {NdArray | null} losses
 * @property {string[]} notes
 */

/**
 * @typedef {"next" | "again" | "validation" | "predict"} Ability
 *
 * @typedef {object} Status
 * @property {"idle" | "busy" | "waiting" | "error" | "closed"} state
 * @property {string} text
 * @property {string | null} stale
 * @property {boolean} follow
 * @property {Record<Ability, boolean>} can
 * @property {Partial<Record<Ability, string>>} [why] reasons in words where something cannot be done
 *
 * @typedef {object} Model the part of anywidget's model that the view uses
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {() => void} save_changes
 * @property {(content: object) => void} send
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 *
 * @typedef {"fed" | "denormalised" | "both"} Mode
 * @typedef {"index" | "label" | "mean" | "loss"} SortKey
 *
 * @typedef {object} State what one view shows now; never sent to Python
 * @property {DecodedBatch | null} batch
 * @property {DecodedBatch | null} previous
 * @property {boolean} compare whether `previous` is shown beside the batch
 * @property {Status} status
 * @property {number} item which of the decoded inputs and targets is looked at
 * @property {Mode} mode
 * @property {number | null} channel one channel alone, or null for all
 * @property {number} size of a cell's picture in CSS pixels
 * @property {SortKey} sort
 * @property {boolean} descending
 * @property {string} label text to filter by, "" for all
 * @property {{ text: string, samples: number[] } | null} only samples that a finding speaks of
 * @property {number} selected sample
 * @property {boolean} masks
 * @property {number} opacity of the masks, 0…1
 * @property {boolean} boxes
 * @property {string[]} pending methods that Python has not answered yet
 * @property {string | null} failure what the last request was answered with, where it failed
 * @property {number | null} tensor whose facts are laid open
 * @property {number[]} order samples after filtering and sorting
 * @property {number} version counts the batches seen
 * @property {number} arrivals counts the samples fetched
 *
 * @typedef {StoreOf<State>} Store
 *
 * @typedef {{ element: HTMLElement, update: (state: State) => void, destroy?: () => void }} View
 */

/**
 * @template S
 * @typedef {object} StoreOf one view's state and who listens to it
 * @property {() => S} get
 * @property {(patch: Partial<S>) => void} set
 * @property {(listener: (state: S) => void) => () => void} subscribe
 */

export {};
