// Knows: how many calls of a run are in the journal already, found before it starts by running its phases in memory without a machine.
import type { Cast } from '../../domain/cast.ts'
import { freshId, type ProjectId } from '../../domain/id.ts'
import type { Prompt } from '../../domain/prompt.ts'
import type { CheckedRecipe } from '../../domain/recipe.ts'
import type { Row } from '../../domain/row.ts'
import { addsSeeds, replacesPrompts } from '../../pipeline/growing/count-prompts.ts'
import { promptsFromSeeds } from '../../pipeline/growing/read-grown.ts'
import { readSteps } from '../../pipeline/recipes/read-steps.ts'
import { isAbort } from '../../protocol/errors.ts'
import { readCalls } from '../../storage/calls.ts'
import { countSeeds, pageSeeds } from '../../storage/seeds.ts'
import { controlOf } from '../executing/control-of.ts'
import { Executor } from '../executing/executor.ts'
import { MemoryRun } from '../executing/memory-run.ts'
import type { Journal } from '../executing/ports.ts'
import { castModels, RoleModels, type RoleModel } from '../executing/role-models.ts'
import type { Machines } from '../machines.ts'
import { growPrompts } from '../run/grow-prompts.ts'
import { LiveRun } from '../run/live-run.ts'
import type { RunContext } from '../run/run-context.ts'
import { completeAndKeep } from '../run/run-phases.ts'

/** What a run will find, as far as the journal leads. */
export interface RunPreview {
  /**
   * Requests whose replies are in the journal, and those known to be missing: what follows from a missing one is not known. `isWhole`:
   * nothing is missing, the run will generate nothing.
   */
  readonly requests: { readonly stored: number; readonly missing: number; readonly isWhole: boolean }
  /** Grown prompts whose requests are in the journal. */
  readonly prompts: number
  /** Completions of the known prompts: all, and those in the journal. */
  readonly completions: { readonly stored: number; readonly known: number }
  /** Revisions in the journal. */
  readonly revisions: number
  /** Verdicts in the journal, on completions that are there too. */
  readonly verdicts: number
}

/** Max seeds of a preview: more take long to read for a sentence. */
const MAX_SEEDS = 2000

/** Undefined if nothing is in the journal. Makes no call of a model and stores nothing. Throws an AbortError when `signal` aborts. */
export async function previewRun(
  machines: Pick<Machines, 'db' | 'teacher' | 'models' | 'corpus' | 'now'>,
  { projectId, recipe, ...cast }: Cast & { readonly projectId: ProjectId; readonly recipe: CheckedRecipe },
  signal: AbortSignal,
): Promise<RunPreview | undefined> {
  const { db } = machines
  if ((await db.count('calls', IDBKeyRange.bound([projectId], [projectId, []]))) === 0) return undefined
  const seeds = await pageSeeds(db, projectId, { from: 0, limit: MAX_SEEDS })
  const store = new MemoryRun(seeds)
  const { control, release } = controlOf(signal)
  let isGrowing = true
  let missing = 0
  let isGrown = true
  const models = castModels(machines, cast)
  const context: RunContext = {
    machines,
    projectId,
    runId: freshId('run'),
    recipe,
    steps: readSteps(recipe),
    cast,
    live: new LiveRun(recipe, cast, () => undefined),
    store,
    executor: new Executor({
      models: new RoleModels((role) =>
        withoutMachine(models(role), (requests) => {
          missing += requests
          return isGrowing
        }),
      ),
      journal: readOnly(db, projectId),
      pools: { decide: () => Promise.reject(new NotStored()) },
      control,
      onNoReply: () => {
        if (isGrowing) throw new NotStored()
      },
    }),
  }
  try {
    let prompts: readonly Prompt[] | undefined
    try {
      prompts = await growPrompts(context)
    } catch (thrown) {
      if (!(thrown instanceof NotStored)) throw thrown
      isGrown = false
      prompts = await knownPrompts(context, seeds)
    }
    signal.throwIfAborted()
    isGrowing = false
    await completeAndKeep(context, prompts ?? [])
    signal.throwIfAborted()
    const rows = store.list()
    const written = rows.filter(({ parent }) => parent === undefined)
    const { replayed } = context.executor.counts
    return {
      requests: {
        stored: replayed,
        missing,
        isWhole: isGrown && missing === 0 && (await countSeeds(db, projectId)) <= MAX_SEEDS,
      },
      prompts: (prompts ?? []).filter(({ origin }) => origin.kind === 'grown').length,
      completions: { stored: written.filter((row) => !isNotStored(row)).length, known: written.length },
      revisions: rows.filter((row) => row.parent !== undefined && !isNotStored(row)).length,
      verdicts: rows
        .flatMap(({ verdicts = [] }) => verdicts)
        .filter(({ verdict }) => verdict.kind === 'score' || verdict.reason !== NOT_STORED).length,
    }
  } catch (thrown) {
    if (isAbort(thrown) || signal.aborted) signal.throwIfAborted()
    throw thrown
  } finally {
    release()
  }
}

/** The prompts that could be grown from the journal, and the seeds where they are prompts too. */
async function knownPrompts(
  { store, steps: { parts }, runId }: RunContext,
  seeds: Parameters<typeof promptsFromSeeds>[0],
): Promise<readonly Prompt[]> {
  const accepted = (await store.prompts()).filter(({ status }) => status === 'accepted')
  const replacing = parts.findLast((part, at) => replacesPrompts(part, at))?.grow?.index ?? -1
  const isLeft = ({ origin }: Prompt): boolean =>
    (origin.kind === 'grown' ? (origin.step ?? 0) : -1) >= replacing
  const known = accepted.filter(isLeft)
  const hasSeeds = parts.some((part, at) => addsSeeds(part, at)) && replacing < 0
  if (!hasSeeds || known.some(({ origin }) => origin.kind === 'seed')) return known
  return [...known, ...promptsFromSeeds(seeds, runId, known.length)]
}

/** The reason of a call that is not in the journal. */
const NOT_STORED = 'not stored'

const isNotStored = ({ decisions }: Row): boolean =>
  decisions.some(({ decision }) => decision.kind === 'dropped' && decision.reason === NOT_STORED)

/** Ends what cannot be known without a machine. */
class NotStored extends Error {}

/** The identity of a model, and a refusal for each of its calls; none while prompts are grown. `isGrowing` gets the number of calls. */
const withoutMachine = (
  { identity, machine }: RoleModel,
  isGrowing: (requests: number) => boolean,
): RoleModel => ({
  identity,
  machine,
  complete: async (requests, { onEvent }) => {
    if (isGrowing(requests.length)) return
    for (const { id } of requests)
      onEvent({
        kind: 'completion',
        result: {
          id,
          text: '',
          finishReason: 'aborted',
          promptTokens: 0,
          tokens: 0,
          refusal: NOT_STORED,
        },
      })
  },
  score: async (requests, { onEvent }) => {
    if (isGrowing(requests.length)) return
    for (const { id } of requests)
      onEvent({ kind: 'score', result: { id, logProbs: [], refusal: NOT_STORED } })
  },
  embed: async (requests, { onEvent }) => {
    if (isGrowing(requests.length)) return
    for (const { id } of requests)
      onEvent({ kind: 'embedding', result: { id, vector: new Uint16Array(0), refusal: NOT_STORED } })
  },
})

const readOnly = (db: Machines['db'], projectId: ProjectId): Journal => ({
  read: (keys) => readCalls(db, projectId, keys),
  record: () => undefined,
  drain: async () => undefined,
  failed: new AbortController().signal,
})
