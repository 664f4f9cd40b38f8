// Knows: Self-Instruct's loop as a program: rounds of requests from one growing pool, until there are enough prompts.
// Must not know: workers, storage.
import type { ProjectId, RunId, SeedId } from '../../domain/id.ts'
import type { ModelRef } from '../../domain/model-card.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { makeRng, shuffle } from '../../domain/rng.ts'
import { all, complete, decideNovelty, emit, type Program } from '../programs/program.ts'
import { TextPool } from '../programs/text-pool.ts'
import { novelTexts, promptsFromCandidates, readGrown } from './read-grown.ts'
import { growthEnded, planGrowth, type SelfInstructSettings, type Shot } from './self-instruct.ts'

/** A round's prompts, accepted and dropped, and the number of requests made so far: stored together, they are where growth continues. */
export interface GrownRound {
  readonly prompts: readonly Prompt[]
  readonly requests: number
  /** Prompts that are usable and new, with those beyond the number wanted. */
  readonly usable: number
  /** Tokens that the teacher generated in this round. */
  readonly tokens: number
}

export interface Growth {
  readonly projectId: ProjectId
  readonly runId: RunId
  /** Index of the grow step. */
  readonly step: number
  readonly settings: SelfInstructSettings
  readonly rngSeed: number
  readonly teacher: ModelRef
  /** The teacher's, in tokens. */
  readonly contextLength: number
  /** Seeds that are shown as examples. */
  readonly shown: readonly Shot<SeedId>[]
  /** Texts of all seeds: a prompt must differ from each. */
  readonly seedTexts: readonly string[]
  /** What earlier rounds made: prompts in their order, and requests. */
  readonly prompts: readonly Prompt[]
  readonly requests: number
  /** Ends after this many rounds; absent: none. */
  readonly maxRounds?: number
}

/** How growing ended: `note` is a sentence if there are fewer prompts than wanted, `failure` one if the teacher returned nothing. */
export interface GrowthEnd {
  readonly note?: string
  readonly failure?: string
  /** Requests made. */
  readonly requests: number
}

/** Grows prompts, a round at a time. */
export function* growPrompts(growth: Growth): Program<GrowthEnd, GrownRound> {
  const { settings, rngSeed, contextLength } = growth
  const accepted: Shot[] = growth.prompts
    .filter(({ status, origin }) => status === 'accepted' && origin.kind === 'grown')
    .map(({ id, text }) => ({ id, text }))
  const pool = new TextPool()
  pool.add(growth.seedTexts)
  pool.add(accepted.map(({ text }) => text))
  let { requests } = growth
  let order = growth.prompts.length
  for (let round = 0; round < (growth.maxRounds ?? Infinity); round++) {
    const end = growthEnded({ accepted: accepted.length, requests, settings })
    if (end.ended) return { requests, ...(end.sentence === undefined ? {} : { note: end.sentence }) }
    const plan = planGrowth({
      next: requests,
      pool: { seeds: growth.shown, accepted },
      settings,
      rngSeed,
      contextLength,
    })
    if (plan.length === 0) return { requests }
    const results = yield* all(plan.map(({ request }) => complete('teacher', request)))
    const refusals = results.flatMap(({ refusal }) => refusal ?? [])
    // A start without any result is a failure of the teacher, not a lack of new prompts.
    if (refusals.length === results.length && accepted.length === 0)
      return {
        requests: requests + plan.length,
        failure: `Every request for prompts failed: ${refusals[0] ?? ''}`,
      }
    const candidates = plan.flatMap((planned, i) => {
      const result = results[i]
      return result === undefined || result.refusal !== undefined ? [] : readGrown(planned, result, settings)
    })
    const novelty = yield* decideNovelty(pool.state, settings.novelty, novelTexts(candidates))
    const prompts = promptsFromCandidates({
      projectId: growth.projectId,
      runId: growth.runId,
      step: growth.step,
      teacher: growth.teacher,
      candidates,
      novelty,
      wanted: settings.prompts - accepted.length,
      order,
    })
    requests += plan.length
    order += prompts.length
    const fresh = prompts.filter(({ status }) => status === 'accepted')
    accepted.push(...fresh.map(({ id, text }) => ({ id, text })))
    pool.add(fresh.map(({ text }) => text))
    yield* emit({
      prompts,
      requests,
      usable: novelty.filter(({ kind }) => kind === 'kept').length,
      tokens: results.reduce((sum, { tokens }) => sum + tokens, 0),
    })
  }
  return { requests }
}

/** Max seeds from which growth draws its examples; a random sample of more. All seeds count for novelty. */
const MAX_SHOWN = 5000

/** The seeds that growth may use as examples. The sample does not depend on the order in which storage returns them. */
export const sampleShown = <Seed extends Shot<SeedId>>(
  seeds: readonly Seed[],
  rngSeed: number,
): readonly Seed[] =>
  seeds.length <= MAX_SHOWN
    ? seeds
    : shuffle(
        seeds.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        makeRng(`${rngSeed}/shown seeds`),
      ).slice(0, MAX_SHOWN)
