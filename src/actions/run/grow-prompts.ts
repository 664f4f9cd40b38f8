// Knows: the first phase: prompts grown by the teacher in rounds, or the seeds used as prompts. A round is stored in one transaction
// with its journal entry, so that a resumed run continues after it.
import type { Prompt } from '../../domain/prompt.ts'
import type { Seed } from '../../domain/seed.ts'
import { sampleShown } from '../../pipeline/growing/sample-shown.ts'
import { promptsFromSeeds } from '../../pipeline/growing/read-grown.ts'
import { RetortError } from '../../protocol/errors.ts'
import { listDone } from '../../storage/journal.ts'
import { listPrompts, putPrompts } from '../../storage/prompts.ts'
import { guardQuota } from '../../storage/quota.ts'
import { eachSeed } from '../../storage/seeds.ts'
import { inChunks, type RunContext } from './run-context.ts'

const PROMPTS_PER_WRITE = 1000
/** Journal keys. They are stored: never change them. */
const SEEDS_ADDED = 'seeds added'
const REQUESTS = 'grown to '

/** Runs the phase; the accepted prompts in their order, or undefined when stopped before the end. */
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
  if ((!steps.grow || steps.grow.member.addsSeeds(steps.grow.settings)) && !done.has(SEEDS_ADDED))
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

/** Adds the prompts of each round to `prompts`, stored before the next round begins; false when stopped before the end. */
async function growRounds(
  context: RunContext,
  grow: NonNullable<RunContext['steps']['grow']>,
  prompts: Prompt[],
  done: ReadonlySet<string>,
): Promise<boolean> {
  const {
    machines: { db },
    projectId,
    runId,
    recipe,
    teacher,
    ref,
    live,
    executor,
  } = context
  const { settings, index: step, member } = grow
  const earlier = prompts.filter(({ status, origin }) => status === 'accepted' && origin.kind === 'grown')
  const seeds = await readSeeds(context)
  live.enter('growing', earlier.length, member.countPrompts(settings, seeds.length))
  const outcome = await executor.together(
    () =>
      member.grow(
        {
          projectId,
          runId,
          step,
          rngSeed: recipe.rngSeed,
          teacher: ref,
          contextLength: teacher.contextLength,
          shown: sampleShown(seeds, recipe.rngSeed),
          seedTexts: seeds.map(({ text }) => text),
          prompts: [...prompts],
          requests: Math.max(
            0,
            ...[...done]
              .filter((key) => key.startsWith(REQUESTS))
              .map((key) => Number(key.slice(REQUESTS.length))),
          ),
        },
        settings,
      ),
    async (round, { made }) => {
      await context.writer.drain()
      await guardQuota('The prompts', () =>
        putPrompts(db, round.prompts, { projectId, runId, key: `${REQUESTS}${round.requests}` }),
      )
      prompts.push(...round.prompts)
      for (const prompt of round.prompts) live.tally.countPrompt(prompt)
      live.count(round.prompts.filter(({ status }) => status === 'accepted').length, made > 0)
    },
  )
  if (outcome.stopped) return false
  const { note, failure } = outcome.outcome
  if (failure !== undefined) throw new RetortError('Unexpected', failure)
  live.note = note ?? ''
  return true
}

async function readSeeds({ machines: { db }, projectId }: RunContext): Promise<Pick<Seed, 'id' | 'text'>[]> {
  const seeds: Pick<Seed, 'id' | 'text'>[] = []
  for await (const page of eachSeed(db, projectId)) for (const { id, text } of page) seeds.push({ id, text })
  return seeds
}
