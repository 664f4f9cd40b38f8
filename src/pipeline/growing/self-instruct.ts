// Knows: how Self-Instruct grows prompts: which examples a request shows and how it asks. Reading the answer is read-grown.ts.
// Must not know: workers, storage.
// Source: Wang et al. 2022 (arXiv 2212.10560) and its code, self_instruct/bootstrap_instructions.py.
import type { SeedId } from '../../domain/id.ts'
import type { CompletionRequest } from '../../domain/model.ts'
import { makeRng, shuffle, type Rng } from '../../domain/rng.ts'
import { realNumber, toggle, wholeNumber, type ValuesOf } from '../../domain/settings.ts'
import { defineStep } from '../define-step.ts'
import { flattenShot, growthStops, writeGrowthText } from '../templates/self-instruct.ts'
import { countWords } from '../words.ts'

/**
 * Grows prompts from the seeds. Defaults are the reference's, but for the tokens of a request (1024 there) and top-p: there 0.5
 * goes with a presence penalty of 2; without one, 0.5 makes a small teacher write the same prompt again and again.
 */
export const selfInstruct = defineStep({
  family: 'grow',
  name: 'self-instruct',
  title: 'Grow prompts (Self-Instruct)',
  help: 'The teacher sees a numbered list of prompts, yours and some it wrote before, and goes on with the list; only new and usable ones are taken.',
  settings: {
    prompts: wholeNumber({
      label: 'Prompts to grow',
      help: 'How many new prompts to collect; 0 asks the seeds themselves.',
      from: 0,
      to: 100_000,
      default: 40,
      unit: 'prompts',
    }),
    alsoSeeds: toggle({
      label: 'Ask the seeds too',
      help: 'Every seed becomes a prompt beside the grown ones.',
      default: false,
    }),
    humanShots: wholeNumber({
      label: 'Seeds shown',
      help: 'Seeds in the list that each request shows.',
      from: 1,
      to: 16,
      default: 6,
      unit: 'seeds',
    }),
    machineShots: wholeNumber({
      label: 'Grown prompts shown',
      help: 'Prompts accepted earlier that each request shows beside the seeds.',
      from: 0,
      to: 16,
      default: 2,
      unit: 'prompts',
    }),
    novelty: realNumber({
      label: 'Novelty threshold',
      help: 'A prompt whose ROUGE-L with any seed or accepted prompt is above this is dropped; 1 drops nothing.',
      from: 0,
      to: 1,
      default: 0.7,
      step: 0.05,
    }),
    minWords: wholeNumber({
      label: 'Fewest words',
      help: 'Shorter prompts are dropped.',
      from: 1,
      to: 1000,
      default: 4,
      unit: 'words',
    }),
    maxWords: wholeNumber({
      label: 'Most words',
      help: 'Longer prompts are dropped.',
      from: 1,
      to: 1000,
      default: 150,
      unit: 'words',
    }),
    asciiStart: toggle({
      label: 'Must start with a Latin letter or digit',
      help: 'Drops prompts that start outside ASCII, as the paper does; switch it off for seeds in other scripts.',
      default: true,
    }),
    temperature: realNumber({
      label: 'Temperature',
      help: 'Higher writes less likely words; 0 always takes the likeliest.',
      from: 0,
      to: 2,
      default: 0.7,
      step: 0.05,
    }),
    topP: realNumber({
      label: 'Top-p',
      help: 'Draws from the likeliest tokens that together have this probability.',
      from: 0.01,
      to: 1,
      default: 0.9,
      step: 0.01,
    }),
    repetitionPenalty: realNumber({
      label: 'Repetition penalty',
      help: 'Above 1, tokens that were used already become less likely.',
      from: 1,
      to: 2,
      default: 1,
      step: 0.05,
    }),
    maxTokens: wholeNumber({
      label: 'Tokens of a request',
      help: 'Where an answer is cut; its last prompt is dropped then.',
      from: 16,
      to: 4096,
      default: 256,
      unit: 'tokens',
    }),
    lastItem: wholeNumber({
      label: 'Last number of the list',
      help: 'A request ends when the list reaches this number.',
      from: 2,
      to: 64,
      default: 16,
    }),
  },
})

export type SelfInstructSettings = ValuesOf<typeof selfInstruct.settings>

/** A text that may be shown as an example: a seed, or a prompt accepted earlier. */
export interface Shot<Name extends string = string> {
  readonly id: Name
  readonly text: string
}

/** A request that has been planned: what is asked, and what its prompts descend from. */
export interface GrowthRequest {
  /** Number of the request within the run, from 0. */
  readonly index: number
  readonly request: CompletionRequest
  /** Ids of what it shows, in order. */
  readonly shots: readonly string[]
  /** Its first human example: every prompt grown from it belongs to this seed. */
  readonly seedId: SeedId
}

export interface GrowthPool {
  readonly seeds: readonly Shot<SeedId>[]
  /** Prompts accepted in earlier rounds, in their order. */
  readonly accepted: readonly Shot[]
}

export interface GrowthPlan {
  /** Number of the first request, from 0: as many as were made before. */
  readonly next: number
  readonly pool: GrowthPool
  readonly settings: SelfInstructSettings
  readonly rngSeed: number
  /** The teacher's, in tokens. */
  readonly contextLength?: number
}

/** Requests that are asked from the same pool, so that they can be worked on together (5 in the reference). */
const TOGETHER = 8
/** New prompts that a request is expected to bring, to plan no more requests than needed. */
const EXPECTED = 4
/** Characters of a token at least, so that the examples surely leave room for the answer. */
const CHARACTERS_PER_TOKEN = 2.5

/**
 * The next round: requests that are all planned from the same pool. The same pool, settings, rngSeed and `next` (number of the
 * first request) give the same requests, so an interrupted round is planned again exactly. Shots follow the reference: machine
 * ones as far as there are any, seeds for the rest, shuffled together.
 * `contextLength` (tokens) drops shots from the end of a list that would not leave room for the answer. No seeds, no requests.
 */
export function planGrowth(plan: GrowthPlan): GrowthRequest[] {
  const { next, pool, settings } = plan
  const missing = settings.prompts - pool.accepted.length
  if (missing <= 0 || pool.seeds.length === 0) return []
  const count = Math.min(TOGETHER, Math.ceil(missing / EXPECTED))
  // Storage gives seeds in some order of its own; the plan must not depend on it.
  const seeds = pool.seeds.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  return Array.from({ length: count }, (_, i) => planRequest(next + i, seeds, plan))
}

function planRequest(
  index: number,
  seeds: readonly Shot<SeedId>[],
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
  const first = human[0] as Shot<SeedId> // there is at least one seed and one human shot
  const room =
    contextLength === undefined ? Infinity : (contextLength - settings.maxTokens) * CHARACTERS_PER_TOKEN
  const shots = fit(ordered, first, room)
  return {
    index,
    shots: shots.map(({ id }) => id),
    seedId: first.id,
    request: {
      id: `grow-${index}`,
      asked: { kind: 'raw', text: writeGrowthText(shots.map(({ text }) => text)) },
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

/** The shots whose text fits in `room` characters, from the front; `must` is among them whatever its length. */
function fit(shots: readonly Shot[], must: Shot, room: number): Shot[] {
  let left = room - writeGrowthText([must.text]).length
  return shots.filter((shot) => {
    if (shot === must) return true
    left -= flattenShot(shot.text).length + 5 // number, dot, space, line end
    return left >= 0
  })
}

/**
 * Whether growing is over: enough prompts, or a teacher that has stopped bringing new ones (after three times the requests that
 * should have been enough, ten at least), which is told in a sentence and is no failure of the run.
 */
export function growthEnded(done: {
  readonly accepted: number
  readonly requests: number
  readonly settings: SelfInstructSettings
}): { ended: false } | { ended: true; sentence?: string } {
  const { accepted, requests, settings } = done
  if (accepted >= settings.prompts) return { ended: true }
  const most = countRequestsAtMost(settings)
  if (requests < most) return { ended: false }
  return {
    ended: true,
    sentence: `Growing ended with ${accepted} of ${settings.prompts} prompts: ${requests} requests brought no more that were new and usable. Add seeds, raise the temperature or the novelty threshold.`,
  }
}

/** Requests that a run makes at most. */
export const countRequestsAtMost = ({ prompts }: SelfInstructSettings): number =>
  Math.max(10, Math.ceil((3 * prompts) / EXPECTED))
