// Knows: the first phase: prompts grown by the teacher in rounds, or the seeds asked as they are. A round is stored whole with
// its mark in the journal, so that a run which goes on plans the very round that was cut off.
import type { CompletionRequest, CompletionResult } from '../../domain/model.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { makeRng, shuffle } from '../../domain/rng.ts'
import type { Seed } from '../../domain/seed.ts'
import { novelTexts, promptsFromSeeds, readGrown, settlePrompts } from '../../pipeline/growing/read-grown.ts'
import { growthEnded, planGrowth, type Shot } from '../../pipeline/growing/self-instruct.ts'
import { RetortError } from '../../protocol/errors.ts'
import { listDone } from '../../storage/journal.ts'
import { listPrompts, putPrompts } from '../../storage/prompts.ts'
import { guardQuota } from '../../storage/quota.ts'
import { eachSeed } from '../../storage/seeds.ts'
import { askAll } from './ask-all.ts'
import { callComplete, inPieces, type RunContext } from './run-context.ts'

/** Seeds that growth draws its examples from; of more, so many are drawn. All of them count for novelty. */
const MOST_SHOWN = 5000
/** Texts that cross to the corpus worker at once. */
const TEXTS_AT_ONCE = 5000
const PROMPTS_AT_ONCE = 1000
const SEEDS_ASKED = 'seeds asked'
const REQUESTS = 'grown to '

/** Carries the phase through; the accepted prompts in their order, or undefined when stopped before the end. */
export async function growPrompts(context: RunContext): Promise<readonly Prompt[] | undefined> {
  const {
    machines: { db },
    projectId,
    runId,
    steps,
    live,
  } = context
  const prompts = await listPrompts(db, projectId, runId)
  const done = await listDone(db, projectId, runId)
  for (const prompt of prompts) live.tally.countPrompt(prompt)
  if (steps.grow && !(await growRounds(context, steps.grow, prompts, done))) return undefined
  if ((!steps.grow || steps.grow.settings.alsoSeeds) && !done.has(SEEDS_ASKED))
    await askSeeds(context, prompts)
  return prompts.filter(({ status }) => status === 'accepted')
}

/** Every seed becomes a prompt. Stored in pieces; the mark comes with the last, and ids make a repeated piece harmless. */
async function askSeeds(
  { machines: { db }, projectId, runId }: RunContext,
  prompts: Prompt[],
): Promise<void> {
  const known = new Set(prompts.map(({ id }) => id))
  let order = prompts.length
  const fresh: Prompt[] = []
  for await (const page of eachSeed(db, projectId)) {
    for (const prompt of promptsFromSeeds(page, runId, order)) {
      if (known.has(prompt.id)) continue
      fresh.push({ ...prompt, order })
      order += 1
    }
  }
  for (const piece of inPieces(fresh, PROMPTS_AT_ONCE))
    await guardQuota('The prompts', () => putPrompts(db, piece))
  await putPrompts(db, [], { projectId, runId, key: SEEDS_ASKED })
  prompts.push(...fresh)
}

async function growRounds(
  context: RunContext,
  grow: NonNullable<RunContext['steps']['grow']>,
  prompts: Prompt[],
  done: ReadonlySet<string>,
): Promise<boolean> {
  const {
    machines: { db, corpus },
    projectId,
    runId,
    recipe,
    teacher,
    ref,
    control,
    live,
  } = context
  const { settings, index: step } = grow
  const accepted: Shot[] = prompts
    .filter(({ status, origin }) => status === 'accepted' && origin.kind === 'grown')
    .map(({ id, text }) => ({ id, text }))
  let requests = Math.max(
    0,
    ...[...done].filter((key) => key.startsWith(REQUESTS)).map((key) => Number(key.slice(REQUESTS.length))),
  )
  live.enter('growing', accepted.length, settings.prompts)
  const pool = `${runId}/prompts`
  const seeds = await readSeeds(context, pool, accepted)
  for (;;) {
    const over = growthEnded({ accepted: accepted.length, requests, settings })
    if (over.ended) {
      live.note = over.sentence ?? ''
      return true
    }
    const plan = planGrowth({
      next: requests,
      pool: { seeds, accepted },
      settings,
      rngSeed: recipe.rngSeed,
      contextLength: teacher.contextLength,
    })
    if (plan.length === 0) return true
    const results = new Map<string, CompletionResult>()
    let failure: string | undefined
    const ended = await askAll<CompletionRequest, CompletionResult>({
      control,
      requests: plan.map(({ request }) => request),
      call: callComplete(context),
      take: (result) => results.set(result.id, result),
      giveUp: (_request, why) => (failure = why), // a request that brings nothing counts as made
    })
    if (!ended) return false
    // A whole round without an answer is no want of ideas.
    if (failure !== undefined && results.size === 0)
      throw new RetortError('Unexpected', `The teacher fails on every request for prompts: ${failure}`)
    const candidates = plan.flatMap((request) => {
      const result = results.get(request.request.id)
      return result ? readGrown(request, result, settings) : []
    })
    const texts = novelTexts(candidates)
    const novelty =
      texts.length > 0 ? await corpus.novelty({ pool, threshold: settings.novelty, candidates: texts }) : []
    const settled = settlePrompts({
      projectId,
      runId,
      step,
      teacher: ref,
      candidates,
      novelty,
      wanted: settings.prompts - accepted.length,
      order: prompts.length,
    })
    requests += plan.length
    await guardQuota('The prompts', () =>
      putPrompts(db, settled, { projectId, runId, key: `${REQUESTS}${requests}` }),
    )
    prompts.push(...settled)
    const fresh = settled.filter(({ status }) => status === 'accepted')
    accepted.push(...fresh.map(({ id, text }) => ({ id, text })))
    for (const prompt of settled) live.tally.countPrompt(prompt)
    live.count(fresh.length)
  }
}

/** Fills the pool that novelty is asked of, and gives the seeds that may be shown. */
async function readSeeds(
  { machines: { db, corpus }, projectId, recipe }: RunContext,
  pool: string,
  accepted: readonly Shot[],
): Promise<Pick<Seed, 'id' | 'text'>[]> {
  await corpus.remember({ pool, texts: [], reset: true })
  const seeds: Pick<Seed, 'id' | 'text'>[] = []
  for await (const page of eachSeed(db, projectId)) {
    await corpus.remember({ pool, texts: page.map(({ text }) => text) })
    for (const { id, text } of page) seeds.push({ id, text })
  }
  for (const piece of inPieces(accepted, TEXTS_AT_ONCE))
    await corpus.remember({ pool, texts: piece.map(({ text }) => text) })
  if (seeds.length <= MOST_SHOWN) return seeds
  // The draw must not depend on the order in which storage gives them.
  return shuffle(
    seeds.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    makeRng(`${recipe.rngSeed}/shown seeds`),
  ).slice(0, MOST_SHOWN)
}
