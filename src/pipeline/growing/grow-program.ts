// Knows: Self-Instruct's loop as a program: rounds of requests from one growing pool, until there are enough prompts.
// Must not know: workers, storage.
import { all, complete, decideNovelty, emit, type Program } from '../programs/program.ts'
import { TextPool } from '../programs/text-pool.ts'
import { novelTexts, promptsFromCandidates, readOrDrop } from './read-grown.ts'
import type { GrownRound, Growth, GrowthEnd, Shot } from './growth.ts'
import { growthEnded, planGrowth, type SelfInstructSettings } from './plan-growth.ts'

/** Grows prompts, a round at a time. `requests` counts requests of the teacher. */
export function* growInRounds(growth: Growth, wanted: SelfInstructSettings): Program<GrowthEnd, GrownRound> {
  const { rngSeed, contextLength, limit } = growth
  const settings = { ...wanted, prompts: Math.min(wanted.prompts, limit?.prompts ?? Infinity) }
  const accepted: Shot[] = growth.prompts
    .filter(({ status }) => status === 'accepted')
    .map(({ id, text }) => ({ id, text }))
  const pool = new TextPool()
  pool.add(growth.seedTexts)
  pool.add(accepted.map(({ text }) => text))
  let { requests, order } = growth
  for (let round = 0; round < (limit?.rounds ?? Infinity); round++) {
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
      return result === undefined || result.refusal !== undefined ? [] : readOrDrop(planned, result, settings)
    })
    const novelty = yield* decideNovelty(pool.state, settings.novelty, novelTexts(candidates))
    const prompts = promptsFromCandidates({
      projectId: growth.projectId,
      runId: growth.runId,
      step: growth.step,
      ...(growth.laterStep === undefined ? {} : { laterStep: growth.laterStep }),
      teacher: growth.teacher,
      system: growth.conversations.system,
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
