// Knows: the settings of Self-Instruct, which examples a request shows, and its text. read-grown.ts reads the response.
// Must not know: workers, storage.
// Source: Wang et al. 2022 (arXiv 2212.10560) and its code, self_instruct/bootstrap_instructions.py.
import type { SeedId } from '../../domain/id.ts'
import type { CompletionRequest } from '../../domain/completion-request.ts'
import { makeRng, shuffle, type Rng } from '../../domain/rng.ts'
import { realNumber, toggle, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { flattenShot, growthStops, writeGrowthText } from '../templates/self-instruct.ts'
import { countWords } from '../words.ts'
import { compareSources, type Shot, type Source } from './growth.ts'
import {
  maxTokensSetting,
  repetitionPenaltySetting,
  temperatureSetting,
  topPSetting,
} from '../sampling-settings.ts'

export const SELF_INSTRUCT_SETTINGS = {
  prompts: wholeNumber({
    label: 'Prompts to grow',
    help: 'New prompts to collect; 0 uses the seeds themselves.',
    from: 0,
    to: 100_000,
    default: 40,
    unit: 'prompts',
  }),
  alsoSeeds: toggle({
    label: 'Include the seeds',
    help: 'Uses every seed as a prompt, in addition to the grown ones.',
    default: false,
  }),
  humanShots: wholeNumber({
    label: 'Seeds shown',
    help: 'Seeds in the list of examples of each request.',
    from: 1,
    to: 16,
    default: 6,
    unit: 'seeds',
  }),
  machineShots: wholeNumber({
    label: 'Grown prompts shown',
    help: 'Accepted prompts in the list of examples, in addition to the seeds.',
    from: 0,
    to: 16,
    default: 2,
    unit: 'prompts',
  }),
  novelty: realNumber({
    label: 'Novelty threshold',
    help: 'Drops a prompt whose ROUGE-L with any seed or accepted prompt is higher; 1 drops nothing.',
    from: 0,
    to: 1,
    default: 0.7,
    step: 0.05,
  }),
  minWords: wholeNumber({
    label: 'Min words',
    help: 'Shorter prompts are dropped.',
    from: 1,
    to: 1000,
    default: 4,
    unit: 'words',
  }),
  maxWords: wholeNumber({
    label: 'Max words',
    help: 'Longer prompts are dropped.',
    from: 1,
    to: 1000,
    default: 150,
    unit: 'words',
  }),
  asciiStart: toggle({
    label: 'Require an ASCII start',
    help: 'Drops prompts that start with a non-ASCII character, as the paper does; turn it off for seeds in other scripts.',
    default: true,
  }),
  temperature: temperatureSetting(0.7),
  topP: topPSetting(0.9),
  repetitionPenalty: repetitionPenaltySetting(1),
  maxTokens: maxTokensSetting(256, {
    help: 'Max tokens of a response; if it is cut, its last prompt is dropped.',
    from: 16,
  }),
  lastItem: wholeNumber({
    label: 'Last list number',
    help: 'A request ends when the list reaches this number.',
    from: 2,
    to: 64,
    default: 16,
  }),
}

export type SelfInstructSettings = ValuesOf<typeof SELF_INSTRUCT_SETTINGS>

/** A planned request: its input, and what its prompts descend from. */
export interface GrowthRequest {
  /** Number of the request within the run, from 0. */
  readonly index: number
  readonly request: CompletionRequest
  /** Ids of its examples, in order. */
  readonly shots: readonly string[]
  /** Its first human example: every prompt grown from it belongs to this seed. */
  readonly seedId: SeedId
}

export interface GrowthPool {
  readonly seeds: readonly Source[]
  /** Prompts accepted in earlier rounds, in their order. */
  readonly accepted: readonly Shot[]
}

export interface GrowthPlan {
  /** Number of the first request, from 0: the number of earlier requests. */
  readonly next: number
  readonly pool: GrowthPool
  readonly settings: SelfInstructSettings
  readonly rngSeed: number | string
  /** The teacher's context length in tokens. */
  readonly contextLength?: number
}

/** Requests of a round: all use the same pool, so they can run as one batch (5 in the reference). */
const MAX_ROUND = 8
/** Expected new prompts per request, to plan no more requests than needed. */
const EXPECTED = 4
/** Min characters per token, so that the examples leave room for the response. */
const CHARACTERS_PER_TOKEN = 2.5

/**
 * The next round: requests planned from the same pool. The same pool, settings, rngSeed and `next` (number of the first request)
 * give the same requests, so an interrupted round is planned identically again. Shots follow the reference: grown prompts as far
 * as available, seeds for the rest, shuffled. If the list would not leave room for the response in `contextLength` (tokens),
 * shots are dropped from its end. Without seeds there are no requests.
 */
export function planGrowth(plan: GrowthPlan): GrowthRequest[] {
  const { next, pool, settings } = plan
  const missing = settings.prompts - pool.accepted.length
  if (missing <= 0 || pool.seeds.length === 0) return []
  const count = Math.min(MAX_ROUND, Math.ceil(missing / EXPECTED))
  // The plan must not depend on the order in which storage returns the seeds.
  const seeds = pool.seeds.toSorted(compareSources)
  return Array.from({ length: count }, (_, i) => planRequest(next + i, seeds, plan))
}

function planRequest(
  index: number,
  seeds: readonly Source[],
  { pool, settings, rngSeed, contextLength }: GrowthPlan,
): GrowthRequest {
  const rng = makeRng(`${rngSeed}/grow/${index}`)
  const short = seeds.filter(({ text }) => countWords(text) <= settings.maxWords)
  const machine = sample(pool.accepted, settings.machineShots, rng.fork('machine'))
  const human = sample(
    short.length > 0 ? short : seeds,
    settings.humanShots + settings.machineShots - machine.length,
    rng.fork('human'),
  )
  const ordered = shuffle([...human, ...machine], rng.fork('order'))
  const first = human[0] as Source // there is always a seed and a human shot
  const room =
    contextLength === undefined ? Infinity : (contextLength - settings.maxTokens) * CHARACTERS_PER_TOKEN
  const shots = fit(ordered, first, room)
  return {
    index,
    shots: shots.map(({ id }) => id),
    seedId: first.seedId,
    request: {
      id: `grow-${index}`,
      input: { kind: 'raw', text: writeGrowthText(shots.map(({ text }) => text)) },
      sampling: {
        temperature: settings.temperature,
        topK: 0,
        topP: settings.topP,
        minP: 0,
        repetitionPenalty: settings.repetitionPenalty,
        maxTokens: settings.maxTokens,
        stop: growthStops(settings.lastItem),
        rngSeed: `${rngSeed}/grow/${index}`,
      },
    },
  }
}

const sample = <T>(items: readonly T[], count: number, rng: Rng): T[] => shuffle(items, rng).slice(0, count)

/** The shots whose text fits in `room` characters, from the front; `required` is included whatever its length. */
function fit(shots: readonly Shot[], required: Shot, room: number): Shot[] {
  let left = room - writeGrowthText([required.text]).length
  return shots.filter((shot) => {
    if (shot === required) return true
    left -= flattenShot(shot.text).length + 5 // number, dot, space, line end
    return left >= 0
  })
}

/**
 * Whether growing has ended: enough prompts, or a teacher that returns no new ones (after three times the expected requests,
 * min 10), which is reported in a sentence and is not a failure of the run.
 */
export function growthEnded(done: {
  readonly accepted: number
  readonly requests: number
  readonly settings: SelfInstructSettings
}): { ended: false } | { ended: true; sentence?: string } {
  const { accepted, requests, settings } = done
  if (accepted >= settings.prompts) return { ended: true }
  if (requests < countMaxRequests(settings)) return { ended: false }
  return {
    ended: true,
    sentence: `Growing ended with ${accepted} of ${settings.prompts} prompts: ${requests} requests returned no more new and usable ones. Add seeds, or raise the temperature or the max ROUGE-L.`,
  }
}

/** Max requests of a run. */
export const countMaxRequests = ({ prompts }: SelfInstructSettings): number =>
  Math.max(10, Math.ceil((3 * prompts) / EXPECTED))
