// Knows: a model of WebLLM's catalogue as the program speaks of it before anything of it is downloaded.
// Must not know: the catalogue itself (pipeline/web-llm/), the package.

export interface WebLlmModel {
  /** Its name in the catalogue. */
  readonly id: string
  /** Folder of its weights on the hub, without a slash at its end; several models may share one. */
  readonly address: string
  /** Address of the program that runs it. */
  readonly library: string
  /** On the graphics card: weights, working memory and the context. */
  readonly memoryBytes: number
  /** About; absent where its name does not say how many parameters it has. */
  readonly downloadBytes?: number
  /** As its name rounds them. */
  readonly parameters?: number
  /** Such as `q4f16_1`. */
  readonly quantisation: string
  /** Tokens that a prompt and its answer may take together, at most. */
  readonly contextLength: number
  /** Computes with numbers of 16 bits, which not every browser and graphics card can. */
  readonly needsF16: boolean
  /** WebLLM counts it among those for small machines. */
  readonly small: boolean
}

/** What of a model's files is kept in this browser. */
export interface WebLlmKept {
  readonly bytes: number
  /** All weights are here. A download that was stopped is not whole and goes on where it ended. */
  readonly whole: boolean
}
