// Knows: what memory a training of adapters takes, as an estimate from what a model's file says of itself; and which models cannot be had.
// Must not know: runtimes, files.
import { isSized, type Backend, type ModelCard, type SizedCard } from '../../domain/model.ts'
import type { LoraTrainSettings } from '../../domain/student.ts'

type Sizes = Pick<SizedCard, 'parameters' | 'layers' | 'width' | 'vocabularySize'>

/** Bytes of the runtime's own memory while it trains and while it writes samples, and bytes that the page's worker holds beside it at most. */
export interface AdaptedMemory {
  readonly runtime: number
  readonly beside: number
}

const FLOAT = 4
/**
 * Floats that a layer keeps of each position for the way back: a multiple of its matrices' parameters ÷ width (which is the sum of what
 * they give), and one of what a position may look at, in each of the heads, of which most models have one for every 64 of the width. And
 * floats of each prediction for each entry of the vocabulary. Fitted to the wasm heap at SmolLM2-135M: 1.49 GB at 4 rows of 128 with 256
 * predictions, 1.74 GB with 512, 2.63 GB at 4 rows of 256 with 512.
 */
const KEPT = 1.65
const LOOKED = 1.5
const HEAD_WIDTH = 64
const HEAD = 5
/** Times that a model's weights are in the runtime when it writes samples: as they are, and as its products want them. */
const WRITING = 1.3
/** A wasm heap ends at 4 GiB, and grows in steps. */
const WASM_LIMIT = 3.7 * 2 ** 30

/** What training at these settings takes. Rows are taken in parts, of which one is in memory. */
export function estimateAdapted(
  { parameters, layers, width, vocabularySize }: Sizes,
  { batch, accumulate, context }: Pick<LoraTrainSettings, 'batch' | 'accumulate' | 'context'>,
): AdaptedMemory {
  const positions = Math.ceil(batch / accumulate) * context
  const weights = FLOAT * parameters
  const inLayers = Math.max(0, parameters - vocabularySize * width)
  const kept =
    FLOAT *
    positions *
    ((KEPT * inLayers) / width + LOOKED * layers * Math.ceil(width / HEAD_WIDTH) * context)
  const head = FLOAT * positions * HEAD * vocabularySize
  return { runtime: Math.max(weights + kept + head, kept + WRITING * weights), beside: 2.6 * weights }
}

/** Why a model cannot be trained on at these settings, in a sentence; undefined where it can. */
export function faultOfAdapted(
  card: ModelCard,
  settings: Pick<LoraTrainSettings, 'batch' | 'accumulate' | 'context'>,
  backend: Backend,
): string | undefined {
  if (!card.hasChatTemplate)
    return `${card.name} has no chat template, so rows cannot be put to it as it is used to. Choose a model that was tuned for chat (often called “Instruct”).`
  if (!isSized(card) || card.form !== 'gguf')
    return `Adapters are trained here on models from GGUF files, and ${card.name} is none. Choose one.`
  const { runtime } = estimateAdapted(card, settings)
  if (backend !== 'wasm' || runtime <= WASM_LIMIT) return undefined
  const least = estimateAdapted(card, { ...settings, batch: 1, accumulate: 1 }).runtime
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1)
  if (least <= WASM_LIMIT)
    return `Training ${card.name} at ${settings.batch} rows of ${settings.context} tokens takes about ${gigabytes(runtime)} GB, and wasm has 4. Take the rows in more parts, take fewer of them, or shorten the context.`
  return `${card.name} takes about ${gigabytes(least)} GB for one row of ${settings.context} tokens, and wasm has 4. Choose a smaller model or a shorter context.`
}
