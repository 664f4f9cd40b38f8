import { expect, test } from 'vitest'
import { dropped, kept, type FilterDecision } from '../../../src/domain/filter-decision.ts'
import { FOUND_NOTHING, REPLACED } from '../../../src/pipeline/completing/revise.ts'
import { adviseOnRevisions } from '../../../src/pipeline/advice/nothing-revised.ts'
import { adviseOnRun } from '../../../src/pipeline/advice/run-advice.ts'
import { RunFactsCollector } from '../../../src/pipeline/advice/run-facts.ts'
import { advisedRow, makeFacts, readRecipe, TEACHER } from './make-facts.ts'

const adviceOn = (...decisions: FilterDecision[]): string | undefined => {
  const collector = new RunFactsCollector()
  for (const decision of decisions) collector.add(advisedRow('end', [{ step: 2, name: 'revise', decision }]))
  return adviseOnRevisions(collector.facts({ recipe: readRecipe(), funnel: [], teacher: TEACHER }))?.sentence
}
const idle = kept({ revisions: 0, ending: FOUND_NOTHING })
const refused = kept({ revisions: 0, ending: 'no critique: too long' })
const revised = dropped(REPLACED, { revisions: 1 })
/** A row that the step wrote, whose text was refused. */
const written = dropped('too long')

test('names how many critiques found nothing', () => {
  expect(adviceOn(idle, idle, idle, written)).toMatch(
    /^“Critique and revise” revised none of 3 completions\. The critique found nothing to change in any of them\./,
  )
  expect(adviceOn(idle, idle, refused)).toMatch(
    /nothing to change in 2; .* no usable critique or revision for 1\./,
  )
  expect(adviceOn(...Array.from({ length: 19 }, () => idle), revised)).toMatch(
    /revised only 1 of 20 completions\. .* in the others/,
  )
})

test('is silent where the step works, or too few rows reached it', () => {
  expect(adviceOn(idle, idle, revised)).toBeUndefined()
  expect(adviceOn(idle, idle)).toBeUndefined()
  expect(adviceOn()).toBeUndefined()
})

test('is part of the advice on a run', () => {
  const revisions = [{ step: 2, rows: 20, revised: 0, foundNothing: 20 }]
  expect(adviseOnRun(makeFacts({ revisions })).map(({ id }) => id)).toEqual(['nothing-revised'])
})
