// Knows: small valid records shared by the pipeline tests.
import { ALL_CAPABILITIES } from '../stand-ins/teacher.ts'
import type { ProjectId, RunId, SeedId } from '../../src/domain/id.ts'
import type { ModelRef } from '../../src/domain/model-card.ts'
import type { TeacherDescription } from '../../src/domain/teacher-description.ts'
import { promptId } from '../../src/domain/prompt.ts'
import type { CheckedRecipe, RecipeDraft, StepDeclaration } from '../../src/domain/recipe.ts'
import { rowId, type Row, type RowStatus } from '../../src/domain/row.ts'
import { seedId } from '../../src/domain/seed.ts'
import type { Settings, ValuesOf } from '../../src/domain/settings.ts'
import type { Verdict } from '../../src/domain/verdict.ts'
import { checkRecipe, checkRecipeText } from '../../src/pipeline/recipes/check-recipe.ts'

export const projectId = 'aaaaaaaaaaaaaaaaaaaaaaaa' as ProjectId
export const runId = 'bbbbbbbbbbbbbbbbbbbbbbbb' as RunId
export const teacher: ModelRef = {
  name: 'Tiny',
  fingerprint: '0123456789abcdef',
  quantisation: 'Q4_1',
  licence: 'apache-2.0',
}

/** Every setting at its default, with changes. */
export const settingsWith = <S extends Settings>(
  declaration: StepDeclaration<S>,
  changed: Partial<ValuesOf<S>> = {},
): ValuesOf<S> =>
  ({
    ...Object.fromEntries(
      Object.entries(declaration.settings).map(([field, setting]) => [field, setting.default]),
    ),
    ...changed,
  }) as ValuesOf<S>

export const shot = (text: string): { id: SeedId; seedId: SeedId; text: string } => ({
  id: seedId(text),
  seedId: seedId(text),
  text,
})

export function checked(recipe: string | RecipeDraft): CheckedRecipe {
  const read = typeof recipe === 'string' ? checkRecipeText(recipe) : checkRecipe(recipe)
  if (!read.ok) throw new Error(read.problems.map(({ sentence }) => sentence).join('\n'))
  return read.value
}

export const scored = (score: number): Verdict => ({
  kind: 'score',
  rubric: 'helpfulness@1',
  judge: teacher,
  score,
  distribution: [0.2, 0.2, 0.2, 0.2, 0.2],
  mass: 0.9,
})
export const unreadable: Verdict = {
  kind: 'unreadable',
  rubric: 'helpfulness@1',
  judge: teacher,
  reason: 'the judge’s probabilities are not numbers',
}

export function makeRow(
  order: number,
  {
    seed = `seed ${order}`,
    prompt = `prompt ${order}`,
    completion = `completion ${order}`,
    status = 'kept' as RowStatus,
    verdict,
    ...more
  }: Partial<Pick<Row, 'edit'>> & {
    verdict?: Verdict
    seed?: string
    prompt?: string
    completion?: string
    status?: RowStatus
  } = {},
): Row {
  return {
    projectId,
    runId,
    id: rowId([order, prompt]),
    promptId: promptId(prompt),
    seedId: seedId(seed),
    prompt,
    variant: 0,
    order,
    completion: {
      text: completion,
      finishReason: 'end',
      tokens: 3,
      teacher,
      system: '',
      sampling: {
        temperature: 0,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1,
        maxTokens: 9,
        stop: [],
        rngSeed: 'x',
      },
      writtenAt: 1,
    },
    decisions: [],
    ...(verdict ? { verdicts: [{ verdict }] } : {}),
    status,
    ...more,
  }
}

export const description = (changed: Partial<TeacherDescription> = {}): TeacherDescription => ({
  card: {
    name: 'Tiny',
    form: 'gguf',
    fileName: 'tiny.gguf',
    fileBytes: 1,
    architecture: 'llama',
    parameters: 135e6,
    quantisation: 'Q4_1',
    tensorTypes: {},
    contextLength: 2048,
    vocabularySize: 49152,
    layers: 30,
    width: 576,
    memoryBytes: { wasm: 1, webgpu: 1 },
    fingerprint: '0123456789abcdef',
    hasChatTemplate: true,
  },
  backend: 'wasm',
  threads: 2,
  contextLength: 2048,
  batch: 8,
  capabilities: ALL_CAPABILITIES,
  notes: [],
  ...changed,
})
