// Knows: an estimate of the memory that LoRA training takes, from a model's card; and which models cannot be trained.
// Must not know: runtimes, files.
import type { ChatFormat } from '../../domain/chat-format.ts'
import type { Backend } from '../../domain/machine.ts'
import { isSized, type ModelCard, type SizedCard } from '../../domain/model-card.ts'
import type { CommonTrainSettings } from '../../domain/student.ts'

type Sizes = Pick<SizedCard, 'parameters' | 'layers' | 'width' | 'vocabularySize'>

/** Peak bytes of the runtime's heap while it trains and generates samples, and peak bytes of the worker outside it. */
export interface AdapterMemory {
  readonly runtime: number
  readonly worker: number
}

const FLOAT = 4
/**
 * Floats that a layer keeps per position for the backward pass: a multiple of its matrices' parameters ÷ width (the sum of their
 * output widths), and a multiple of the attended positions in each head (most models have one head per 64 of the width). And floats
 * per prediction and vocabulary entry. Fitted to the wasm heap of SmolLM2-135M: 1.49 GB at 4 rows of 128 with 256 predictions,
 * 1.74 GB with 512, 2.63 GB at 4 rows of 256 with 512.
 */
const ACTIVATIONS = 1.65
const ATTENTION = 1.5
const HEAD_WIDTH = 64
const LOGITS = 5
/** Copies of a model's weights in the runtime during generation: the weights themselves, and repacked for its matrix products. */
const GENERATION = 1.3
/** A wasm heap ends at 4 GiB, and grows in steps. */
const WASM_LIMIT = 3.7 * 2 ** 30

/** Memory of training with these settings. Only one micro-batch is in memory at a time. */
export function estimateAdapterMemory(
  { parameters, layers, width, vocabularySize }: Sizes,
  {
    batchSize,
    gradientAccumulation,
    context,
  }: Pick<CommonTrainSettings, 'batchSize' | 'gradientAccumulation' | 'context'>,
): AdapterMemory {
  const positions = Math.ceil(batchSize / gradientAccumulation) * context
  const weights = FLOAT * parameters
  const inLayers = Math.max(0, parameters - vocabularySize * width)
  const activations =
    FLOAT *
    positions *
    ((ACTIVATIONS * inLayers) / width + ATTENTION * layers * Math.ceil(width / HEAD_WIDTH) * context)
  const logits = FLOAT * positions * LOGITS * vocabularySize
  return {
    runtime: Math.max(weights + activations + logits, activations + GENERATION * weights),
    worker: 2.6 * weights,
  }
}

/** Why a model cannot be trained with these settings, in a sentence; undefined if it can. `chatFormat`: in place of its own chat template. */
export function refuseAdapterTraining(
  card: ModelCard,
  settings: Pick<CommonTrainSettings, 'batchSize' | 'gradientAccumulation' | 'context'>,
  backend: Backend,
  chatFormat?: ChatFormat,
): string | undefined {
  if (!card.hasChatTemplate && chatFormat === undefined)
    return `${card.name} has no chat template, so rows cannot be formatted for it. Choose a chat template for it below, or a model tuned for chat (often called “Instruct”).`
  if (!isSized(card) || card.form !== 'gguf')
    return `LoRA training needs a model from a GGUF file, and ${card.name} is not one. Choose another model.`
  if (card.untrainable !== undefined)
    return `${card.name} has ${card.untrainable}, which adapter training does not support. Choose another model, such as SmolLM2 or the built-in teacher.`
  const { runtime } = estimateAdapterMemory(card, settings)
  if (backend !== 'wasm' || runtime <= WASM_LIMIT) return undefined
  const smallest = estimateAdapterMemory(card, { ...settings, batchSize: 1, gradientAccumulation: 1 }).runtime
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1)
  if (smallest <= WASM_LIMIT)
    return `Training ${card.name} with a batch of ${settings.batchSize} rows of ${settings.context} tokens takes about ${gigabytes(runtime)} GB, and WebAssembly has 4. Raise the gradient accumulation steps, or lower the batch size or the context length.`
  return `${card.name} takes about ${gigabytes(smallest)} GB for one row of ${settings.context} tokens, and WebAssembly has 4. Choose a smaller model or a shorter context length.`
}
