// Knows: how a run's kept rows become a dataset: split, hashed, and stored with the funnel of that time.
import { datasetId, datasetIdOfVersion2, type Dataset, type DatasetRow } from '../../src/domain/dataset.ts'
import type { DatasetId, ProjectId } from '../../src/domain/id.ts'
import type { ModelRef } from '../../src/domain/model-card.ts'
import type { Problem } from '../../src/domain/problem.ts'
import type { Row } from '../../src/domain/row.ts'
import { freezeRows, DEFAULT_SPLIT } from '../../src/pipeline/freezing/freeze-rows.ts'
import { findKeep } from '../../src/pipeline/selecting/index.ts'
import { FunnelTally } from '../../src/pipeline/funnel.ts'
import { checkRecipeText } from '../../src/pipeline/recipes/check-recipe.ts'
import { readSteps } from '../../src/pipeline/recipes/read-steps.ts'
import type { Call } from '../../src/protocol/contract.ts'
import type { CorpusContract } from '../../src/protocol/corpus.ts'
import type { Database } from '../../src/storage/database.ts'
import { getDataset, putDataset } from '../../src/storage/datasets.ts'
import { listPrompts } from '../../src/storage/prompts.ts'
import { guardQuota } from '../../src/storage/quota.ts'
import { countRows, eachRow } from '../../src/storage/rows.ts'
import { getRun } from '../../src/storage/runs.ts'
import { eachSeed } from '../../src/storage/seeds.ts'

type Request = Parameters<CorpusContract['freeze']>[0]
type Frozen = { ok: true; dataset: Dataset } | { ok: false; problems: readonly Problem[] }

export async function freeze(
  db: Database,
  { projectId, runId }: Request,
  { signal, emit }: Call<{ done: number; total: number }>,
  now: number,
): Promise<Frozen> {
  const run = await getRun(db, projectId, runId)
  if (run === undefined)
    return {
      ok: false,
      problems: [
        { sentence: 'There is no run yet. Start one on the Run screen, then freeze the rows it keeps.' },
      ],
    }
  const checked = checkRecipeText(run.recipeText)
  if (!checked.ok) return { ok: false, problems: checked.problems }
  const recipe = checked.value
  const tally = new FunnelTally(recipe)
  const seedIds = new Set<string>()
  for await (const page of eachSeed(db, projectId)) for (const { id } of page) seedIds.add(id)
  const shown = new Set<string>()
  for (const prompt of await listPrompts(db, projectId, runId)) {
    tally.countPrompt(prompt)
    // Examples are seeds, or prompts that were grown before.
    const examples = prompt.origin.kind === 'grown' ? prompt.origin.shots : [prompt.seedId]
    for (const id of examples) if (seedIds.has(id)) shown.add(id)
  }
  const total = await countRows(db, projectId, runId)
  const wanted: Row[] = []
  let done = 0
  let rejectedByHand = 0
  const judges = new Map<string, ModelRef>()
  for await (const page of eachRow(db, projectId, runId)) {
    signal.throwIfAborted()
    for (const row of page) {
      tally.countRow(row)
      for (const { verdict } of [...(row.verdicts ?? []), ...(row.edit?.verdicts ?? [])])
        judges.set(verdict.judge.fingerprint, verdict.judge)
      if (row.status === 'rejected') rejectedByHand += 1
      if (row.status === 'kept' || findKeep(row.droppedBy ?? '')?.makesPairs) wanted.push(row)
    }
    done += page.length
    emit({ done, total })
  }
  const rows = freezeRows(
    wanted,
    readSteps(recipe).freeze?.settings ?? DEFAULT_SPLIT,
    recipe.rngSeed,
    run.teacher,
  )
  if (!rows.ok) return rows
  const pairs = rows.value.filter(({ rejected }) => rejected !== undefined).length
  const heldOut = rows.value.filter(({ split }) => split === 'held-out').length
  const dataset: Dataset = {
    projectId,
    id: await nameRows(db, projectId, rows.value),
    runId,
    recipeHash: run.recipeHash,
    recipeText: run.recipeText,
    frozenAt: now,
    rows: { train: rows.value.length - heldOut, heldOut },
    ...(pairs > 0 ? { pairs } : {}),
    teacher: run.teacher,
    judges: [...judges.values()],
    ...(run.models
      ? { models: Object.fromEntries(Object.entries(run.models).map(([role, { model }]) => [role, model])) }
      : {}),
    seeds: new Set(rows.value.map(({ seedId }) => seedId)).size,
    seedsUsed: { shown: shown.size, of: seedIds.size },
    ...(rejectedByHand > 0 ? { rejectedByHand } : {}),
    ...(run.notes && run.notes.length > 0 ? { notes: run.notes } : {}),
    funnel: tally.bars(),
  }
  await guardQuota('The dataset', () => putDataset(db, dataset, rows.value))
  return { ok: true, dataset }
}

/** The rows' id; if they were frozen before under the id of an earlier version, that one: equal rows are one dataset. */
async function nameRows(db: Database, projectId: ProjectId, rows: readonly DatasetRow[]): Promise<DatasetId> {
  const earlier = datasetIdOfVersion2(rows)
  return (await getDataset(db, projectId, earlier)) === undefined ? datasetId(rows) : earlier
}
