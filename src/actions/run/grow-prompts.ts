// Knows: the first phase: prompts grown by the teacher in rounds, or the seeds used as prompts. A round is stored in one transaction
// with its journal entry, so that a resumed run plans exactly the round that was interrupted.
import type { CompletionRequest, CompletionResult } from '../../domain/completion-request.ts'
import type { Prompt } from '../../domain/prompt.ts'
import { makeRng, shuffle } from '../../domain/rng.ts'
import type { Seed } from '../../domain/seed.ts'
import {
  novelTexts,
  promptsFromSeeds,
  readGrown,
  promptsFromCandidates,
} from '../../pipeline/growing/read-grown.ts'
import { growthEnded, planGrowth, type Shot } from '../../pipeline/growing/self-instruct.ts'
import { RetortError } from '../../protocol/errors.ts'
import { listDone } from '../../storage/journal.ts'
import { listPrompts, putPrompts } from '../../storage/prompts.ts'
import { guardQuota } from '../../storage/quota.ts'
import { eachSeed } from '../../storage/seeds.ts'
import { requestAll } from './request-all.ts'
import { callComplete, inChunks, type RunContext } from './run-context.ts'

/** Max seeds from which growth draws its examples; a random sample of more. All seeds count for novelty. */
const MAX_SHOWN = 5000
/** Texts per message to the corpus worker. */
const TEXTS_PER_CALL = 5000
const PROMPTS_PER_WRITE = 1000
/** Journal keys. They are stored: never change them. */
const SEEDS_ADDED = 'seeds added'
const REQUESTS = 'grown to '

/** Runs the phase; the accepted prompts in their order, or undefined when stopped before the end. */
export async function growPrompts(context: RunContext): Promise<readonly Prompt[] | undefined> {
  const {
    machines: { db, corpus },
    projectId,
    runId,
    steps,
    live,
  } = context
  const prompts = await listPrompts(db, projectId, runId)
  const done = await listDone(db, projectId, runId)
  for (const prompt of prompts) live.tally.countPrompt(prompt)
  if (steps.grow) {
    const pool = `${runId}/prompts`
    try {
      if (!(await growRounds(context, steps.grow, pool, prompts, done))) return undefined
    } finally {
      await corpus.forget({ pool }).catch(() => undefined) // a worker that died has forgotten it
    }
  }
  if ((!steps.grow || steps.grow.settings.alsoSeeds) && !done.has(SEEDS_ADDED))
    await addSeedPrompts(context, prompts)
  return prompts.filter(({ status }) => status === 'accepted')
}

/** Makes a prompt of every seed. Stored in chunks, the journal entry last; ids make a repeated chunk harmless. */
async function addSeedPrompts(
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
  for (const chunk of inChunks(fresh, PROMPTS_PER_WRITE))
    await guardQuota('The prompts', () => putPrompts(db, chunk))
  await putPrompts(db, [], { projectId, runId, key: SEEDS_ADDED })
  prompts.push(...fresh)
}

async function growRounds(
  context: RunContext,
  grow: NonNullable<RunContext['steps']['grow']>,
  pool: string,
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
    const ended = await requestAll<CompletionRequest, CompletionResult>({
      control,
      requests: plan.map(({ request }) => request),
      call: callComplete(context),
      onResult: (result) => results.set(result.id, result),
      onFailure: (_request, reason) => (failure = reason), // a failed request counts as made
    })
    if (!ended) return false
    // A round without any result is a failure of the teacher, not a lack of new prompts.
    if (failure !== undefined && results.size === 0)
      throw new RetortError('Unexpected', `Every request for prompts failed: ${failure}`)
    const candidates = plan.flatMap((request) => {
      const result = results.get(request.request.id)
      return result ? readGrown(request, result, settings) : []
    })
    const texts = novelTexts(candidates)
    const novelty =
      texts.length > 0 ? await corpus.novelty({ pool, threshold: settings.novelty, candidates: texts }) : []
    const decided = promptsFromCandidates({
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
      putPrompts(db, decided, { projectId, runId, key: `${REQUESTS}${requests}` }),
    )
    prompts.push(...decided)
    const fresh = decided.filter(({ status }) => status === 'accepted')
    accepted.push(...fresh.map(({ id, text }) => ({ id, text })))
    for (const prompt of decided) live.tally.countPrompt(prompt)
    live.count(fresh.length)
  }
}

/** Fills the novelty pool, and returns the seeds that growth may use as examples. */
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
  for (const chunk of inChunks(accepted, TEXTS_PER_CALL))
    await corpus.remember({ pool, texts: chunk.map(({ text }) => text) })
  if (seeds.length <= MAX_SHOWN) return seeds
  // The sample must not depend on the order in which storage returns them.
  return shuffle(
    seeds.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    makeRng(`${recipe.rngSeed}/shown seeds`),
  ).slice(0, MAX_SHOWN)
}
