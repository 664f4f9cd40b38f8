// Knows: the first phase: prompts grown by the teacher in rounds, or the seeds used as prompts, and the steps on them. A round is stored
// in one transaction with its journal entry, so that a resumed run continues after it.
import type { Prompt } from '../../domain/prompt.ts'
import type { SeedId } from '../../domain/id.ts'
import type { Shot } from '../../pipeline/growing/growth.ts'
import { sampleShown } from '../../pipeline/growing/sample-shown.ts'
import { ConversationCounter, type SeedConversations } from '../../pipeline/growing/seed-conversations.ts'
import { promptsFromSeeds } from '../../pipeline/growing/read-grown.ts'
import { RetortError } from '../../protocol/errors.ts'
import { withPauses } from '../executing/breather.ts'
import { FILTERED, isAccepted, siftPrompts } from './sift-prompts.ts'
import { inChunks, stageContext, type RunContext } from './run-context.ts'

const PROMPTS_PER_WRITE = 500
/** Journal keys. They are stored: never change them. */
const SEEDS_ADDED = 'seeds added'
const REQUESTS = 'grown to '

/** Runs the phase; the accepted prompts in their order, or undefined when stopped before the end. */
export async function growPrompts(context: RunContext): Promise<readonly Prompt[] | undefined> {
  const { steps, store, live, limit } = context
  const prompts = await store.prompts()
  const done = await store.done()
  await withPauses(prompts, (prompt) => live.tally.countPrompt(prompt))
  // Prompts that were filtered are no longer those that were grown: growing must not make up for them.
  if (done.has(FILTERED)) return prompts.filter(isAccepted)
  if (steps.grow && !(await growRounds(context, steps.grow, prompts, done))) return undefined
  const lacks = limit !== undefined && prompts.filter(isAccepted).length < limit.rows
  if ((!steps.grow || steps.grow.member.addsSeeds(steps.grow.settings) || lacks) && !done.has(SEEDS_ADDED))
    await addSeedPrompts(context, prompts)
  return siftPrompts(context, prompts)
}

/** Makes a prompt of every seed. Stored in chunks, the journal entry last; ids make a repeated chunk harmless. */
async function addSeedPrompts({ store, runId, live, limit }: RunContext, prompts: Prompt[]): Promise<void> {
  const known = new Set(prompts.map(({ id }) => id))
  let order = prompts.length
  let accepted = prompts.filter(isAccepted).length
  const fresh: Prompt[] = []
  for await (const page of store.seeds()) {
    await withPauses(page, (seed) => {
      for (const prompt of promptsFromSeeds([seed], runId, order)) {
        if (known.has(prompt.id) || (limit !== undefined && accepted >= limit.rows)) continue
        fresh.push(prompt)
        order += 1
        accepted += 1
      }
    })
  }
  for (const chunk of inChunks(fresh, PROMPTS_PER_WRITE)) await store.putPrompts(chunk)
  await store.putPrompts([], SEEDS_ADDED)
  for (const prompt of fresh) live.tally.countPrompt(prompt)
  for (const prompt of fresh) prompts.push(prompt)
}

/** Adds the prompts of each round to `prompts`, stored before the next round begins; false when stopped before the end. */
async function growRounds(
  context: RunContext,
  grow: NonNullable<RunContext['steps']['grow']>,
  prompts: Prompt[],
  done: ReadonlySet<string>,
): Promise<boolean> {
  const { store, projectId, runId, recipe, live, executor, limit } = context
  const { settings, index: step, member } = grow
  const { ref: teacher, contextLength } = stageContext(context, step).modelOf('teacher')
  const earlier = prompts.filter(({ status, origin }) => status === 'accepted' && origin.kind === 'grown')
  const { seeds, shown, conversations } = await readSeeds(context)
  const leftOut = member.leavesOut?.(conversations)
  if (leftOut !== undefined) await addNote(context, leftOut)
  if (shown.length < seeds.length)
    await addNote(
      context,
      `Growing draws from ${shown.length} of ${seeds.length} seeds, chosen at random; new prompts are compared with all of them.`,
    )
  const count = member.countPrompts(settings, seeds.length)
  const wanted = Math.min(count, limit?.rows ?? count)
  live.enter('growing', earlier.length, wanted)
  const outcome = await executor.together(
    member.title,
    () =>
      member.grow(
        {
          projectId,
          runId,
          step,
          rngSeed: recipe.rngSeed,
          teacher,
          contextLength,
          shown,
          conversations,
          seedTexts: seeds.map(({ text }) => text),
          prompts: [...prompts],
          requests: Math.max(
            0,
            ...[...done]
              .filter((key) => key.startsWith(REQUESTS))
              .map((key) => Number(key.slice(REQUESTS.length))),
          ),
          ...(limit === undefined ? {} : { limit: { prompts: wanted, rounds: limit.rounds } }),
        },
        settings,
      ),
    async (round, { made }) => {
      await store.putPrompts(round.prompts, `${REQUESTS}${round.requests}`)
      prompts.push(...round.prompts)
      live.grown.accepted += round.usable
      live.grown.tokens += round.tokens
      for (const prompt of round.prompts) live.tally.countPrompt(prompt)
      live.count(round.prompts.filter(isAccepted).length, made > 0)
    },
  )
  if (outcome.stopped) return false
  const { note, failure, requests } = outcome.outcome
  if (failure !== undefined && limit === undefined) throw new RetortError('Unexpected', failure)
  live.grown.requests = requests
  if (note !== undefined) await addNote(context, note)
  return true
}

async function addNote({ store, live }: RunContext, sentence: string): Promise<void> {
  live.notes.add(sentence)
  await store.addNote(sentence)
}

interface ReadSeeds {
  /** Without the messages before them. */
  readonly seeds: readonly Shot<SeedId>[]
  /** Those that growing may use, whole. */
  readonly shown: readonly Shot<SeedId>[]
  readonly conversations: SeedConversations
}

async function readSeeds({ store, recipe, limit }: RunContext): Promise<ReadSeeds> {
  const seeds: Shot<SeedId>[] = []
  const counter = new ConversationCounter()
  for await (const page of store.seeds())
    for (const seed of page) {
      seeds.push({ id: seed.id, text: seed.text })
      counter.add(seed)
    }
  const conversations = counter.counts
  const shown = limit === undefined ? sampleShown(seeds, recipe.rngSeed) : seeds
  if (conversations.withTurns + conversations.withSystem === 0) return { seeds, shown, conversations }
  // Only these conversations are held in memory.
  const isShown = new Set(shown.map(({ id }) => id))
  const earlierOf = new Map<SeedId, Shot['earlier']>()
  for await (const page of store.seeds())
    for (const { id, earlier } of page) if (earlier && isShown.has(id)) earlierOf.set(id, earlier)
  const withEarlier = (seed: Shot<SeedId>): Shot<SeedId> => {
    const earlier = earlierOf.get(seed.id)
    return earlier === undefined ? seed : { ...seed, earlier }
  }
  return { seeds, shown: shown.map(withEarlier), conversations }
}
