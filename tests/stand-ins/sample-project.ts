// Knows: a project with data in every store, as the program itself would create it.
import { datasetId, type Dataset, type DatasetRow } from '../../src/domain/dataset.ts'
import {
  contentId,
  freshId,
  type ProjectId,
  type RecipeHash,
  type RunId,
  type StudentId,
} from '../../src/domain/id.ts'
import { hashOf } from '../../src/domain/hash.ts'
import type { ModelRef } from '../../src/domain/model-card.ts'
import type { Comparison } from '../../src/domain/comparison.ts'
import { makeProject, type Project } from '../../src/domain/project.ts'
import { promptId, type Prompt } from '../../src/domain/prompt.ts'
import { rowId, type Row } from '../../src/domain/row.ts'
import type { Run } from '../../src/domain/run.ts'
import { seedId, type Seed } from '../../src/domain/seed.ts'
import type { Student, TrainSettings } from '../../src/domain/student.ts'
import { meanScore, type Verdict } from '../../src/domain/verdict.ts'
import { putPreferences } from '../../src/storage/preferences.ts'
import { putComparison } from '../../src/storage/comparisons.ts'
import { putDataset } from '../../src/storage/datasets.ts'
import type { Database } from '../../src/storage/database.ts'
import { markDone } from '../../src/storage/journal.ts'
import { putProject } from '../../src/storage/projects.ts'
import { putPrompts } from '../../src/storage/prompts.ts'
import { putRows } from '../../src/storage/rows.ts'
import { putRun } from '../../src/storage/runs.ts'
import { putSeeds } from '../../src/storage/seeds.ts'
import { putStudent } from '../../src/storage/students.ts'

export const MODEL: ModelRef = {
  name: 'SmolLM2 135M',
  fingerprint: '0123456789abcdef',
  quantisation: 'Q4_1',
  licence: 'apache-2.0',
}
const recipeHash = hashOf('a recipe') as RecipeHash
const START = 1_750_000_000_000

export const makeSeed = (projectId: ProjectId, text: string, line: number): Seed => ({
  projectId,
  id: seedId(text),
  text,
  source: 'seeds.txt',
  line,
  addedAt: START,
  ...(line % 2 === 0 ? { answer: `Answer ${line} “ü” 🙂` } : {}),
})

export const makePrompt = (run: Run, seed: Seed, order: number): Prompt => ({
  projectId: run.projectId,
  runId: run.id,
  id: promptId([run.id, order]),
  text: `${seed.text} (${order})`,
  seedId: seed.id,
  origin:
    order % 3 === 0
      ? { kind: 'seed' }
      : {
          kind: 'grown',
          template: 'self-instruct@1',
          shots: [seed.id],
          request: order,
          item: 0,
          teacher: MODEL,
        },
  order,
  decisions: [
    {
      step: 0,
      name: 'self-instruct',
      decision: { kind: 'kept', evidence: { likeness: 0.25, 'nearest 1': '0.25 a text' } },
    },
  ],
  status: 'accepted',
})

/** Settings of a short training with all options off. */
export const SMALL_TRAINING: TrainSettings = {
  loss: 'teacher-text',
  preset: 'nano',
  vocabulary: 512,
  context: 64,
  steps: 20,
  batchSize: 4,
  gradientAccumulation: 1,
  packing: false,
  curriculum: 'none',
  optimizer: 'adam-w',
  learningRate: 0.003,
  schedule: 'cosine',
  warmUp: 0.1,
  weightDecay: 0.1,
  maxGradientNorm: 1,
  labelSmoothing: 0,
  dropout: 0,
  emaDecay: 0,
  patience: 0,
  evaluateEvery: 5,
  rngSeed: 7,
}

const verdict: Verdict = {
  kind: 'score',
  rubric: 'helpfulness@1',
  judge: MODEL,
  score: 3.4,
  distribution: [0.1, 0.1, 0.2, 0.5, 0.1],
  mass: 0.9,
}

/** Stores an empty project of this id: records are written only into projects that exist. */
export const storeProject = (db: Database, id: ProjectId): Promise<void> =>
  putProject(db, { ...makeProject('Project', START), id })

/** Rows that cycle through every status. */
export function makeRow(run: Run, prompt: Prompt, order: number): Row {
  const base: Row = {
    projectId: run.projectId,
    runId: run.id,
    id: rowId([run.id, order]),
    promptId: prompt.id,
    seedId: prompt.seedId,
    prompt: prompt.text,
    variant: 0,
    order,
    completion: {
      text: `An answer with several words, number ${order}. ${'It runs on for a while. '.repeat(order % 20)}`,
      finishReason: 'end',
      tokens: 12,
      teacher: MODEL,
      system: '',
      sampling: {
        temperature: 0.7,
        topK: 0,
        topP: 0.95,
        minP: 0,
        repetitionPenalty: 1,
        maxTokens: 128,
        stop: ['\n\n'],
        rngSeed: `1/row/${order}`,
      },
      writtenAt: START + order,
    },
    decisions: [{ step: 2, name: 'length', decision: { kind: 'kept', evidence: { words: 12 } } }],
    status: 'kept',
  }
  switch (order % 5) {
    case 0:
      return {
        ...base,
        decisions: [
          {
            step: 2,
            name: 'novelty',
            decision: {
              kind: 'dropped',
              reason: 'too similar to an earlier prompt',
              evidence: { likeness: 0.9 },
              nearest: { text: 'a text', score: 0.9 },
            },
          },
        ],
        droppedBy: 'novelty',
        status: 'dropped',
      }
    case 1:
      return {
        ...base,
        verdicts: [
          {
            step: 3,
            verdict: {
              kind: 'unreadable',
              rubric: 'helpfulness@1',
              judge: MODEL,
              reason: 'no score was likely',
            },
          },
        ],
      }
    case 2:
      return {
        ...base,
        edit: { prompt: base.prompt, completion: 'Edited by hand.', editedAt: START + 9 },
        verdicts: [{ verdict }],
      }
    case 3:
      return { ...base, rejectedByHand: { at: START + 10, before: 'kept' }, status: 'rejected' }
    default:
      return { ...base, verdicts: [{ verdict }] }
  }
}

const scoreOf = (row: Row): { score?: number } => {
  const score = meanScore(row.verdicts ?? [])
  return score === undefined ? {} : { score }
}

export interface SampleProject {
  readonly project: Project
  readonly run: Run
  readonly rows: readonly Row[]
  readonly dataset: Dataset
  readonly student: Student
}

/** Stores a project with the given numbers of seeds and rows, and everything else. Students' files are written if there is a file system. */
export async function storeSampleProject(
  db: Database,
  { seeds: seedCount = 6, rows: rowCount = 10, name = 'Sample' } = {},
): Promise<SampleProject> {
  const projectId = freshId('project')
  const project: Project = {
    id: projectId,
    name,
    createdAt: START,
    changedAt: START + 5,
    recipeText: 'retort: 2\nname: A recipe\n',
    teacherName: 'smollm2.gguf',
    modelNames: { judge: 'other.gguf' },
  }
  await putProject(db, project)
  const seeds = Array.from({ length: seedCount }, (_none, i) =>
    makeSeed(projectId, `Seed ${i}: what does “${i}” mean? 🙂\nSay it briefly.`, i + 1),
  )
  await putSeeds(db, seeds)
  const run: Run = {
    projectId,
    id: freshId('run'),
    recipeHash,
    recipeText: 'retort: 2\n',
    teacher: MODEL,
    models: {
      critic: { model: MODEL, loadedWith: { backend: 'wasm', contextLength: 512, weights: 'f32' } },
      embedder: { model: MODEL },
    },
    status: 'finished',
    startedAt: START,
    endedAt: START + 1000,
    workedMs: 900,
  }
  await putRun(db, run)
  const seedAt = (i: number): Seed => seeds[i % seeds.length] as Seed
  const prompts = Array.from({ length: rowCount }, (_none, i) => makePrompt(run, seedAt(i), i))
  await putPrompts(db, prompts)
  const rows = prompts.map((prompt, i) => makeRow(run, prompt, i))
  await putRows(db, rows)
  const [first, second] = rows
  if (first && second)
    await putPreferences(db, [
      {
        projectId,
        runId: run.id,
        id: contentId('preference', [first.id, second.id]),
        promptId: first.promptId,
        step: 4,
        first: first.id,
        second: second.id,
        rubric: 'helpfulness@1',
        verdict: { judge: MODEL, shownFirst: 0.8, shownSecond: 0.7, outcome: 'first' },
      },
    ])
  await markDone(db, projectId, run.id, 'growth/0')
  const frozen: DatasetRow[] = rows
    .filter(({ status }) => status === 'kept')
    .map((row, i) => ({
      rowId: row.id,
      seedId: row.seedId,
      split: i % 4 === 0 ? 'held-out' : 'train',
      system: '',
      prompt: row.prompt,
      completion: row.completion.text,
      editedByHand: row.edit !== undefined,
      ...scoreOf(row),
    }))
  const dataset = makeDataset(project.id, run, frozen)
  await putDataset(db, dataset, frozen)
  const student = makeStudent(projectId, freshId('student'), dataset)
  await putStudent(db, student)
  await putComparison(db, makeComparison(student, rows[0] as Row))
  return { project, run, rows, dataset, student }
}

const makeDataset = (projectId: ProjectId, run: Run, rows: readonly DatasetRow[]): Dataset => {
  const heldOut = rows.filter(({ split }) => split === 'held-out').length
  return {
    projectId,
    id: datasetId(rows),
    runId: run.id as RunId,
    recipeHash,
    recipeText: run.recipeText,
    frozenAt: START + 2000,
    rows: { train: rows.length - heldOut, heldOut },
    teacher: MODEL,
    models: { critic: MODEL, embedder: MODEL },
    seeds: 6,
    funnel: [
      {
        step: 2,
        name: 'length',
        title: 'Length',
        of: 'completion',
        reached: 10,
        passed: 8,
        reasons: [{ reason: '… words, fewer than 4', count: 2 }],
      },
    ],
  }
}

export const makeStudent = (projectId: ProjectId, id: StudentId, dataset: Pick<Dataset, 'id'>): Student => ({
  projectId,
  id,
  datasetId: dataset.id,
  recipeHash,
  settings: { ...SMALL_TRAINING, steps: 20, evaluateEvery: 5 },
  shape: { layers: 2, width: 64, heads: 4, kvHeads: 2, feedForward: 128, vocabulary: 512, context: 64 },
  parameters: 100_000,
  backend: 'wasm',
  status: 'trained',
  startedAt: START,
  endedAt: START + 1,
  checkpointStep: 20,
  points: [
    { step: 0, train: 6.2, heldOut: 6.3 },
    { step: 20, train: 4.1 },
  ],
  samples: [{ step: 20, prompt: 'a', text: 'b' }],
  truncatedRows: 0,
  skippedRows: 1,
})

const makeComparison = (student: Student, row: Row): Comparison => ({
  projectId: student.projectId,
  id: freshId('comparison'),
  studentId: student.id,
  datasetId: student.datasetId,
  judge: MODEL,
  comparedAt: START + 3000,
  prompts: [
    {
      rowId: row.id,
      prompt: row.prompt,
      texts: { before: 'x', after: 'y', teacher: 'z' },
      verdicts: { before: verdict, after: verdict, teacher: verdict },
      afterBefore: { judge: MODEL, shownFirst: 0.7, shownSecond: 0.6, outcome: 'first' },
      afterTeacher: {
        judge: MODEL,
        shownFirst: 0.7,
        shownSecond: 0.2,
        outcome: 'tie',
        unreadable: 'it said nothing',
      },
    },
  ],
})
