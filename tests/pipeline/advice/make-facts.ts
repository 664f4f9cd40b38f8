// Knows: a constructed run's facts, with everything unremarkable until a test says otherwise.
import type { FunnelBar } from '../../../src/domain/run.ts'
import type { CheckedRecipe } from '../../../src/domain/recipe.ts'
import type { Row } from '../../../src/domain/row.ts'
import type { RunFacts } from '../../../src/pipeline/advice/run-facts.ts'
import { checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'

export const RECIPE = `retort: 2
name: Advised
rngSeed: 1
steps:
  - grow: self-instruct
    prompts: 40
    temperature: 0.7
  - complete: teacher
    temperature: 0.7
    maxTokens: 160
    repetitionPenalty: 1
  - filter: length
    min: 5
    max: 100
  - filter: novelty
  - filter: repetition
  - filter: final-answer
  - judge: rubric
  - keep: threshold
    min: 3.5
`

export function readRecipe(text = RECIPE): CheckedRecipe {
  const checked = checkRecipeText(text)
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems))
  return checked.value
}

export const TEACHER = { name: 'Little teacher', fingerprint: '0123456789abcdef', quantisation: 'F32' }

/** Bars in which all of 40 passed, but for the given drops by a step's name. */
export function makeFacts({
  drops = {},
  ...changes
}: Partial<RunFacts> & {
  readonly drops?: Readonly<Record<string, readonly { reason: string; count: number }[]>>
} = {}): RunFacts {
  const recipe = changes.recipe ?? readRecipe()
  const funnel = recipe.steps.map(({ family, name }, step): FunnelBar => {
    const reasons = drops[name] ?? []
    return {
      step,
      name,
      title: name,
      of: family === 'grow' ? 'prompt' : 'completion',
      reached: 40,
      passed: 40 - reasons.reduce((sum, { count }) => sum + count, 0),
      reasons,
    }
  })
  return {
    recipe,
    funnel,
    teacher: TEACHER,
    completions: 40,
    cut: 0,
    scores: [],
    measured: new Map(),
    ...changes,
  }
}

/** A row as advice reads it. */
export const advisedRow = (
  finishReason: Row['completion']['finishReason'],
  decisions: Row['decisions'] = [],
  score?: number,
): Pick<Row, 'completion' | 'decisions' | 'verdicts'> => ({
  completion: {
    text: 'A text.',
    finishReason,
    tokens: 3,
    teacher: TEACHER,
    system: '',
    writtenAt: 1,
    sampling: {
      temperature: 0,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      maxTokens: 160,
      stop: [],
      rngSeed: '1',
    },
  },
  decisions,
  ...(score === undefined
    ? {}
    : {
        verdicts: [
          {
            verdict: {
              kind: 'score' as const,
              rubric: 'helpfulness@1',
              judge: TEACHER,
              score,
              distribution: [0, 0, 1, 0, 0],
              mass: 1,
            },
          },
        ],
      }),
})
