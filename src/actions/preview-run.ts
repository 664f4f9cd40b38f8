// Knows: how many calls of a run are in the journal already, found before it starts by running its programs without a machine.
import type { Cast } from '../domain/cast.ts'
import type { ProjectId, RunId } from '../domain/id.ts'
import { freshId } from '../domain/id.ts'
import { refOf } from '../domain/model-card.ts'
import type { Prompt } from '../domain/prompt.ts'
import type { CheckedRecipe } from '../domain/recipe.ts'
import { planCompletions, type PlannedRow } from '../pipeline/completing/complete.ts'
import { sampleShown } from '../pipeline/growing/sample-shown.ts'
import { promptsFromSeeds } from '../pipeline/growing/read-grown.ts'
import { judgeText } from '../pipeline/judging/judge-program.ts'
import { rubricOfSettings } from '../pipeline/judging/rubric.ts'
import { complete } from '../pipeline/programs/program.ts'
import { readSteps } from '../pipeline/recipes/read-steps.ts'
import { isAbort } from '../protocol/errors.ts'
import { readCalls } from '../storage/calls.ts'
import { pageSeeds } from '../storage/seeds.ts'
import { controlOf } from './executing/control-of.ts'
import { Executor } from './executing/executor.ts'
import type { Journal } from './executing/ports.ts'
import { castModels, RoleModels, type RoleModel } from './executing/role-models.ts'
import type { Machines } from './machines.ts'

/** What a run will find, as far as the journal leads. */
export interface RunPreview {
  /** Grown prompts whose requests are in the journal. */
  readonly prompts: number
  /** Completions of the known prompts: all, and those in the journal. */
  readonly completions: { readonly stored: number; readonly known: number }
  /** Verdicts in the journal, on completions that are there too. */
  readonly verdicts: number
}

/** Max seeds of a preview: more take long to read for a sentence. */
const MAX_SEEDS = 2000

/** Undefined if nothing is in the journal. Makes no call of a model and stores nothing. Throws an AbortError when `signal` aborts. */
export async function previewRun(
  machines: Pick<Machines, 'db' | 'teacher' | 'models'>,
  { projectId, recipe, ...cast }: Cast & { readonly projectId: ProjectId; readonly recipe: CheckedRecipe },
  signal: AbortSignal,
): Promise<RunPreview | undefined> {
  const { db } = machines
  const { teacher, judge: ownJudge } = cast
  if ((await db.count('calls', IDBKeyRange.bound([projectId], [projectId, []]))) === 0) return undefined
  const steps = readSteps(recipe)
  const runId: RunId = freshId('run')
  const ref = refOf(teacher.card)
  const { control, release } = controlOf(signal)
  const models = castModels(machines, cast)
  const open = (): Executor =>
    new Executor({
      models: new RoleModels((role) => withoutMachine(models(role))),
      journal: readOnly(db, projectId),
      pools: { decide: () => Promise.reject(new NotStored()) },
      control,
    })
  try {
    const seeds = await pageSeeds(db, projectId, { from: 0, limit: MAX_SEEDS })
    const prompts: Prompt[] = []
    if (steps.grow) {
      const { settings, index: step, member } = steps.grow
      try {
        await open().together(
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
                prompts: [],
                requests: 0,
              },
              settings,
            ),
          (round, { made }) => {
            if (made > 0) throw new NotStored()
            prompts.push(...round.prompts.filter(({ status }) => status === 'accepted'))
          },
        )
      } catch (thrown) {
        if (!(thrown instanceof NotStored)) throw thrown
      }
    }
    const grown = prompts.length
    if (!steps.grow || steps.grow.member.addsSeeds(steps.grow.settings))
      prompts.push(...promptsFromSeeds(seeds, runId, grown))
    const planned = planCompletions({
      prompts,
      settings: steps.complete.settings,
      rngSeed: recipe.rngSeed,
      teacher: ref,
    })
    const stored: (Pick<PlannedRow, 'id' | 'prompt' | 'earlier'> & { readonly text: string })[] = []
    await open().each({
      items: planned,
      program: ({ request }) => complete('teacher', request),
      onEnd: ({ id, prompt, earlier }, { text }, { made }) => {
        if (made === 0) stored.push({ id, prompt, ...(earlier ? { earlier } : {}), text })
      },
    })
    let verdicts = 0
    const { judge } = steps
    if (judge)
      await open().each({
        items: stored,
        program: ({ id, prompt, earlier, text }) =>
          judgeText(
            id,
            { prompt, earlier, completion: text.trim() },
            {
              rubric: rubricOfSettings(judge.settings),
              judge: refOf((ownJudge ?? teacher).card),
              settings: judge.settings,
              contextLength: (ownJudge ?? teacher).contextLength,
            },
          ),
        onEnd: (_, _verdict, { made }) => {
          if (made === 0) verdicts += 1
        },
      })
    signal.throwIfAborted()
    return {
      prompts: grown,
      completions: { stored: stored.length, known: planned.length },
      verdicts,
    }
  } catch (thrown) {
    if (isAbort(thrown) || signal.aborted) signal.throwIfAborted()
    throw thrown
  } finally {
    release()
  }
}

/** Ends what cannot be known without a machine. */
class NotStored extends Error {}

/** The identity of a model, and a refusal for each of its calls. */
const withoutMachine = ({ identity, machine }: RoleModel): RoleModel => ({
  identity,
  machine,
  complete: async (requests, { onEvent }) => {
    for (const { id } of requests)
      onEvent({
        kind: 'completion',
        result: { id, text: '', finishReason: 'aborted', promptTokens: 0, tokens: 0, refusal: 'not stored' },
      })
  },
  score: async (requests, { onEvent }) => {
    for (const { id } of requests)
      onEvent({ kind: 'score', result: { id, logProbs: [], refusal: 'not stored' } })
  },
})

const readOnly = (db: Machines['db'], projectId: ProjectId): Journal => ({
  read: (keys) => readCalls(db, projectId, keys),
  record: () => undefined,
  drain: async () => undefined,
  failed: new AbortController().signal,
})
