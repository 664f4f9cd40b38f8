// Knows: a model of WebLLM's catalogue, as described before it is downloaded.
// Must not know: the catalogue itself (pipeline/web-llm/), the package.

export interface WebLlmModel {
  /** Its name in the catalogue. */
  readonly id: string
  /** Folder of its weights on the hub, without a trailing slash; several models may share one. */
  readonly address: string
  /** Address of the program that runs it. */
  readonly library: string
  /** On the graphics card: weights, working memory and KV cache. */
  readonly memoryBytes: number
  /** Approximate; absent if its name does not contain the number of parameters. */
  readonly downloadBytes?: number
  /** Rounded as in its name. */
  readonly parameters?: number
  /** Such as `q4f16_1`. */
  readonly quantisation: string
  /** Max tokens of a prompt and its completion together. */
  readonly contextLength: number
  /** Needs 16-bit floats, which not every browser and graphics card supports. */
  readonly needsF16: boolean
  /** WebLLM lists it for devices with little memory. */
  readonly small: boolean
}

/** What is stored of a model's files in this browser. */
export interface WebLlmDownload {
  readonly bytes: number
  /** All weights are stored. A stopped download is incomplete; it resumes where it ended. */
  readonly complete: boolean
}
