// Knows: WebLLM's catalogue as data (models.json, which a test compares with the package's own list), what a model's name encodes,
// and which models a machine can run.
// Must not know: the package.
import type { MachineFacts } from '../../domain/machine.ts'
import type { WebLlmModel } from '../../domain/web-llm.ts'
import catalogue from './models.json' with { type: 'json' }

/** Bits per weight in a download, scales included. One scale per 32 weights (`q4f16_1`: 4 + 16 ÷ 32). */
const BITS: Readonly<Record<string, number>> = {
  q3f16_1: 3.6,
  q4f16_1: 4.5,
  q4f32_1: 5,
  q0f16: 16,
  q0f32: 32,
}

/** Parameters from a name: `SmolLM2-135M`, `stablelm-2-zephyr-1_6b`; not `gemma-4-E2B`, which counts effective parameters. */
export function readParameters(id: string): number | undefined {
  const found = /(?:^|[-_])(\d+(?:[._]\d+)?)([bm])(?=-|$)/i.exec(id)
  if (found?.[1] === undefined) return undefined
  return Math.round(Number(found[1].replace('_', '.')) * (found[2]?.toLowerCase() === 'm' ? 1e6 : 1e9))
}

export const readQuantisation = (id: string): string =>
  /-(q\d+f\d+(?:_\d+)?)(?=-|$)/.exec(id)?.[1] ?? 'unknown'

/** The name without its quantisation: the same for all quantisations of a model. */
export const baseName = (id: string): string => id.replace(/-q\d+f\d+(?:_\d+)?-MLC.*$/, '')

export const WEB_LLM_MODELS: readonly WebLlmModel[] = catalogue.models.map(
  ({
    id,
    folder = id,
    library,
    memoryMB,
    context,
    f16 = false,
    small = false,
  }: CatalogueEntry): WebLlmModel => {
    const parameters = readParameters(id)
    const quantisation = readQuantisation(id)
    const bits = BITS[quantisation]
    return {
      id,
      address: catalogue.hub + folder,
      library: catalogue.libraries + library,
      memoryBytes: Math.round(memoryMB * 2 ** 20),
      ...(parameters === undefined ? {} : { parameters }),
      ...(parameters === undefined || bits === undefined
        ? {}
        : { downloadBytes: Math.round((parameters * bits) / 8) }),
      quantisation,
      contextLength: context,
      needsF16: f16,
      small,
    }
  },
)

/** An entry of models.json; absent fields have the usual value. */
export interface CatalogueEntry {
  readonly id: string
  /** Folder of its weights on the hub, if it is not its id. */
  readonly folder?: string
  readonly library: string
  readonly memoryMB: number
  readonly context: number
  readonly f16?: boolean
  readonly small?: boolean
}

export const findWebLlmModel = (id: string): WebLlmModel | undefined =>
  WEB_LLM_MODELS.find((model) => model.id === id)

/** The same model with 32-bit arithmetic. */
export const findF32Sibling = ({ id }: Pick<WebLlmModel, 'id'>): WebLlmModel | undefined =>
  findWebLlmModel(id.replace(/(-q\d+)f16/, '$1f32'))

/** Why a machine cannot run any of them, and what would work; undefined if it can. */
export function refuseMachine({ available, reason }: MachineFacts['webgpu']): string | undefined {
  if (available) return undefined
  return `WebLLM runs only on the graphics card, by WebGPU. ${reason ?? 'This browser does not support it here.'} A GGUF file works without one; or open this page in a browser with WebGPU: Chrome or Edge from 113, Safari from 26, Firefox on Windows from 141.`
}

/** Why a machine with WebGPU cannot run this model, and what would work; undefined if it can. */
export function refuseModel(
  model: WebLlmModel,
  { shaderF16 }: Pick<MachineFacts['webgpu'], 'shaderF16'>,
): string | undefined {
  if (!model.needsF16 || shaderF16) return undefined
  const sibling = findF32Sibling(model)
  const instead =
    sibling === undefined
      ? 'Choose one with f32 in its name.'
      : `${sibling.id} is the same model and works here.`
  return `${model.id} needs 16-bit floats, which this browser does not support on this graphics card. ${instead}`
}

/** Models whose names contain every word, ordered by memory. */
export function searchModels(
  words: string,
  models: readonly WebLlmModel[] = WEB_LLM_MODELS,
): readonly WebLlmModel[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return models
    .filter(({ id }) => wanted.every((word) => id.toLowerCase().includes(word)))
    .toSorted((a, b) => a.memoryBytes - b.memoryBytes || (a.id < b.id ? -1 : 1))
}
