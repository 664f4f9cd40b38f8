// Knows: the first phase: for each grow step in turn, prompts that the teacher grows in rounds, or the seeds used as prompts, and the steps
// on them. A round is stored in one transaction with its journal entry, so that a resumed run continues after it.
import type { Prompt } from '../../domain/prompt.ts'
import { addsSeeds, replacesPrompts } from '../../pipeline/growing/count-prompts.ts'
import { promptsFromSeeds } from '../../pipeline/growing/read-grown.ts'
import type { GrowPart, PlacedGrow } from '../../pipeline/recipes/read-steps.ts'
import { RetortError } from '../../protocol/errors.ts'
import { withPauses } from '../executing/breather.ts'
import { readPrompts, readSeeds } from './read-sources.ts'
import { dropReplaced, isAccepted, siftPrompts } from './sift-prompts.ts'
import { inChunks, stageContext, type RunContext } from './run-context.ts'

const PROMPTS_PER_WRITE = 500
/** Journal keys. They are stored: never change them. Those of the first part are older than recipes with several grow steps. */
const SEEDS_ADDED = 'seeds added'
const requestsKey = (laterStep: number | undefined): string =>
  laterStep === undefined ? 'grown to ' : `step ${laterStep} grown to `
const endedKey = (laterStep: number | undefined): string =>
  laterStep === undefined ? 'prompts filtered' : `prompts filtered after step ${laterStep}`

/** Index of the part's grow step if it is not the first part. */
const laterStepOf = ({ grow }: GrowPart, at: number): number | undefined =>
  at === 0 ? undefined : grow?.index

/** Runs the phase; the accepted prompts in their order, or undefined when stopped before the end. */
export async function growPrompts(context: RunContext): Promise<readonly Prompt[] | undefined> {
  const { steps, store, live, limit } = context
  let prompts = await store.prompts()
  const done = await store.done()
  await withPauses(prompts, (prompt) => live.tally.countPrompt(prompt))
  for (const [at, part] of steps.parts.entries()) {
    // Prompts that were filtered are no longer those that were grown: growing must not make up for them.
    if (done.has(endedKey(laterStepOf(part, at)))) continue
    const grown = await runPart(context, part, at, prompts, done)
    if (grown === undefined) return undefined
    prompts = grown
  }
  const accepted = prompts.filter(isAccepted)
  return limit === undefined || steps.growers.length < 2 ? accepted : mixSteps(accepted)
}

/** A grow step and the steps on prompts after it: all prompts, or undefined when stopped before the end. */
async function runPart(
  context: RunContext,
  part: GrowPart,
  at: number,
  prompts: Prompt[],
  done: ReadonlySet<string>,
): Promise<Prompt[] | undefined> {
  const { store, steps, limit } = context
  const laterStep = laterStepOf(part, at)
  if (part.grow && !(await growRounds(context, part.grow, laterStep, prompts, done))) return undefined
  const lacks = at === 0 && limit !== undefined && prompts.filter(isAccepted).length < limit.rows
  if ((addsSeeds(part, at) || lacks) && !done.has(SEEDS_ADDED)) await addSeedPrompts(context, prompts)
  const replaced = replacesPrompts(part, at) ? dropReplaced(context, part.grow, prompts) : []
  const isLast = at === steps.parts.length - 1
  if (isLast && part.stages.length === 0 && replaced.length === 0) return prompts
  const left = replaced.length === 0 ? prompts : withChanges(prompts, replaced)
  const sifted = await siftPrompts(context, part.stages, left)
  if (sifted === undefined) return undefined
  // All at once: with some of them dropped, a resumed run would grow more.
  await store.putPrompts([...replaced, ...sifted], endedKey(laterStep))
  return withChanges(left, sifted)
}

function withChanges(prompts: readonly Prompt[], changed: readonly Prompt[]): Prompt[] {
  const changes = new Map(changed.map((prompt) => [prompt.id, prompt]))
  return prompts.map((prompt) => changes.get(prompt.id) ?? prompt)
}

/** Whether a step made this prompt. */
const isGrownBy =
  (laterStep: number | undefined) =>
  ({ origin }: Prompt): boolean =>
    origin.kind === 'grown' && origin.step === laterStep

/** For a trial, which completes only the first few: the prompts of the steps in turn, those of the last step first. */
function mixSteps(prompts: readonly Prompt[]): Prompt[] {
  const byStep = new Map<number, Prompt[]>()
  for (const prompt of prompts) {
    const step = prompt.origin.kind === 'grown' ? (prompt.origin.step ?? 0) : -1
    byStep.set(step, [...(byStep.get(step) ?? []), prompt])
  }
  const groups = [...byStep].toSorted(([a], [b]) => b - a).map(([, group]) => group)
  const longest = Math.max(0, ...groups.map((group) => group.length))
  return Array.from({ length: longest }, (_, i) => groups.flatMap((group) => group[i] ?? [])).flat()
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
  { settings, index: step, member }: PlacedGrow,
  laterStep: number | undefined,
  prompts: Prompt[],
  done: ReadonlySet<string>,
): Promise<boolean> {
  const { store, projectId, runId, recipe, live, executor, limit, steps } = context
  const { ref: teacher, contextLength } = stageContext(context, step).modelOf('teacher')
  const own = prompts.filter(isGrownBy(laterStep))
  const earlier = prompts.filter((prompt) => isAccepted(prompt) && !isGrownBy(laterStep)(prompt))
  // Not the index: a step that only moved within the recipe draws the same.
  const ordinal = steps.parts.findIndex(({ grow }) => grow?.index === step)
  const rngSeed = laterStep === undefined ? recipe.rngSeed : `${recipe.rngSeed}/grow step ${ordinal + 1}`
  const sources =
    laterStep === undefined ? await readSeeds(context) : await readPrompts(context, earlier, String(rngSeed))
  const { shown, conversations, texts } = sources
  const what = laterStep === undefined ? 'seeds' : 'prompts'
  const leftOut = member.leavesOut?.(conversations)
  if (leftOut !== undefined) await addNote(context, leftOut)
  if (shown.length < sources.count)
    await addNote(
      context,
      `Growing draws from ${shown.length} of ${sources.count} ${what}, chosen at random; new prompts are compared with all of them.`,
    )
  if (laterStep !== undefined && sources.count === 0)
    await addNote(context, `“${member.title}” grew nothing: the steps before it left no prompts.`)
  const count = member.countPrompts(settings, sources.count)
  const wanted = Math.min(count, limit?.rows ?? count)
  live.enter(step, own.filter(isAccepted).length, wanted)
  const grown = live.grownBy(step)
  const key = requestsKey(laterStep)
  const requests = [...done].filter((one) => one.startsWith(key)).map((one) => Number(one.slice(key.length)))
  const outcome = await executor.together(
    member.title,
    () =>
      member.grow(
        {
          projectId,
          runId,
          step,
          ...(laterStep === undefined ? {} : { laterStep }),
          rngSeed,
          teacher,
          contextLength,
          shown,
          conversations,
          seedTexts: texts,
          prompts: own,
          requests: Math.max(0, ...requests),
          order: prompts.length,
          ...(limit === undefined ? {} : { limit: { prompts: wanted, rounds: limit.rounds } }),
        },
        settings,
      ),
    async (round, { made }) => {
      await store.putPrompts(round.prompts, `${key}${round.requests}`)
      prompts.push(...round.prompts)
      grown.accepted += round.usable
      grown.tokens += round.tokens
      for (const prompt of round.prompts) live.tally.countPrompt(prompt)
      live.count(round.prompts.filter(isAccepted).length, made > 0)
    },
  )
  if (outcome.stopped) return false
  const { note, failure, requests: total } = outcome.outcome
  if (failure !== undefined && limit === undefined) throw new RetortError('Unexpected', failure)
  grown.requests = total
  if (note !== undefined) await addNote(context, note)
  return true
}

async function addNote({ store, live }: RunContext, sentence: string): Promise<void> {
  live.notes.add(sentence)
  await store.addNote(sentence)
}
