import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkRecipe, checkRecipeText } from '../../../src/pipeline/recipes/check-recipe.ts'
import { defaultRecipe, defaultStep } from '../../../src/pipeline/recipes/default-recipe.ts'
import { lineOfProblem, parseRecipe } from '../../../src/pipeline/recipes/parse-recipe.ts'
import { writeRecipe } from '../../../src/pipeline/recipes/write-recipe.ts'
import { stepDeclarations } from '../../../src/pipeline/steps.ts'
import { recipeDrafts } from './arbitrary.ts'

const sentences = (text: string): string[] => {
  const read = checkRecipeText(text)
  return read.ok ? [] : read.problems.map(({ sentence }) => sentence)
}

test('starts a project with a valid, complete and readable recipe', () => {
  const read = checkRecipe(defaultRecipe())
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  expect(read.value.text).toContain('\n  - filter: length\n    min: 4\n    max: 400\n')
  expect(read.value.steps).toHaveLength(10)
})

test('reads back the YAML of any valid recipe, with the same hash', () => {
  fc.assert(
    fc.property(recipeDrafts, (draft) => {
      const first = checkRecipe(draft)
      if (!first.ok) throw new Error(JSON.stringify(first.problems))
      const again = checkRecipeText(first.value.text)
      if (!again.ok) throw new Error(`${first.value.text}\n${JSON.stringify(again.problems)}`)
      expect(again.value).toEqual(first.value)
      expect(again.value.text).toBe(first.value.text)
      const asWritten = checkRecipeText(writeRecipe(draft))
      expect(asWritten.ok && asWritten.value.hash).toBe(first.value.hash)
    }),
    { numRuns: 400 },
  )
})

const hashOfText = (text: string): string => {
  const read = checkRecipeText(text)
  if (!read.ok) throw new Error(read.problems[0]!.sentence)
  return read.value.hash
}

test('hashes every setting, and neither the name nor the spelling', () => {
  const plain = hashOfText('retort: 2\nname: A\nsteps:\n  - complete: teacher\n')
  expect(
    hashOfText('{"retort": 2, "name": "B", "rngSeed": 1, "steps": [{"complete": "teacher", "n": 1}]}'),
  ).toBe(plain)
  expect(hashOfText('retort: 2\nsteps:\n  - complete: teacher\n    n: 2\n')).not.toBe(plain)
  expect(hashOfText('retort: 2\nrngSeed: 2\nsteps:\n  - complete: teacher\n')).not.toBe(plain)
})

test('never throws on any text', () => {
  const yamlish = fc
    .array(
      fc.constantFrom(
        'retort: 2\n',
        'steps:\n',
        '  - ',
        'complete: teacher',
        '\n',
        ': ',
        '[',
        ']',
        '{',
        '}',
        '&a ',
        '*a',
        '!!binary ',
        '|',
        '>',
        '"',
        '? ',
        '<<: ',
        '- ',
        '\t',
        '%',
        '...',
        '---\n',
        '1',
        '__proto__: ',
        'constructor: ',
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), yamlish, fc.json()), (text) => {
      const read = checkRecipeText(text)
      if (!read.ok) {
        expect(read.problems.length).toBeGreaterThan(0)
        for (const problem of read.problems) {
          expect(problem.sentence).toMatch(/[.?]$/)
          lineOfProblem(text, problem)
        }
      }
    }),
    { numRuns: 2000 },
  )
})

test('refuses random bytes without throwing', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 400 }),
      (bytes) => void expect(parseRecipe(new TextDecoder().decode(bytes)).ok).toBe(false),
    ),
  )
})

test.each([
  ['', 'The recipe is empty.'],
  ['hello', 'This is not a recipe'],
  ['- a\n- b', 'it contains a list'],
  ['retort: 3\nsteps: []', 'This recipe has version 3'],
  ['steps: []', '`retort: 2` is missing'],
  ['retort: 2\nsteps: 5', '`steps` must be a list'],
  ['retort: 1', 'has no `steps`'],
  ['retort: 2\nsteps:\n  - complete', 'a step is a map'],
  ['retort: 2\nsteps:\n  - {}', 'Step 1 is empty'],
  ['retort: 2\nsteps:\n  - complete: 5', 'begins with its family and its name'],
  ['retort: 2\ncolour: red\nsteps:\n  - complete: teacher', '`colour` is not a field of a recipe'],
  ['retort: 2\nrngSeed: -1\nsteps:\n  - complete: teacher', '`rngSeed` must be a whole number of 0 or more'],
  ['retort: 2\nname: [a]\nsteps:\n  - complete: teacher', '`name` must be text'],
  ['retort: 2\nretort: 2\nsteps: []', 'Line 2: the same field appears twice'],
  ['retort: 2\nname: !!binary aGk=\nsteps: []', '`name` must be text, not binary data'],
  ['retort: 2\nsteps: []\n---\nretort: 2\nsteps: []', '2 YAML documents'],
  ['retort: 2\nsteps: []\n---\na: [b', 'Line 4 is not YAML'],
  ['%YAML 1.2\n%YAML 1.2\n---\nretort: 2', 'Line 2 repeats the directive'],
  ['%YAML 1.2\n', 'Line 1 is a YAML directive without a document'],
  ['# only a comment', 'The recipe is empty.'],
  ['retort: 2\nname: Recipe #2\nsteps:\n  - complete: teacher', '`name` ends before “#2”'],
  [
    'retort: 2\nsteps:\n  - complete: teacher\n    system: Write about #gardens # and rain\n',
    'Step 1: `system` ends before “#gardens # and rain”',
  ],
  ['retort: 2\nsteps:\n  - complete: teacher\n    system: "open', 'is not YAML'],
  ['retort: 2\nsteps: &a\n  - complete: teacher\nname: *a', 'aliases'],
  [`retort: 2\nsteps:\n${'  - filter: length\n'.repeat(65)}`, '65 steps'],
  [`retort: 2\nname: "${'x'.repeat(70_000)}"`, 'characters; the limit is 60000'],
  ['['.repeat(50_000), 'nested too deeply'],
])('refuses %.40s… with a sentence', (text, part) => {
  expect(sentences(text).join(' ')).toContain(part)
})

test('refuses a text with exponential aliases at once', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
    .split('')
    .map(
      (name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghij'[i]}`).join(',')}]`,
    )
    .join('\n')}\n`
  expect(sentences(bomb).join(' ')).toContain('aliases')
})

test.each([
  ['  - judge: rubric\n  - complete: teacher\n', 0, '`judge` comes before `complete`'],
  ['  - filter: final-answer\n  - complete: teacher\n', 0, 'decides on completions alone'],
  ['  - complete: teacher\n  - keep: top\n  - filter: length\n', 2, '`filter` comes after `keep`'],
  ['  - complete: teacher\n  - filter: length\n  - complete: given\n', 2, 'it comes before `filter`'],
  [
    '  - grow: self-instruct\n  - complete: teacher\n  - grow: evol-instruct\n',
    2,
    '`grow` comes after `complete`',
  ],
  ['  - filter: length\n', undefined, 'needs a `complete` step'],
  ['  - complete: teacher\n  - keep: top\n', 1, 'needs a judge'],
  ['  - complete: teacher\n  - train: teacher-text\n', 1, 'needs `- freeze: split` before it'],
  [
    '  - complete: teacher\n  - freeze: split\n  - train: teacher-text\n  - train: teacher-text\n',
    3,
    'second `train` step',
  ],
  ['  - complete: teacher\n  - judge: rubric\n    rubric: own\n', 1, '`own` is empty'],
  ['  - complete: teacher\n  - filter: length\n    min: 9\n    max: 3\n', 1, 'nothing can pass'],
  ['  - grow: self-instruct\n    lastItem: 8\n  - complete: teacher\n', 0, 'Raise `lastItem`'],
  [
    '  - grow: self-instruct\n    minWords: 20\n    maxWords: 10\n  - complete: teacher\n',
    0,
    'nothing can pass',
  ],
  ['  - complete: teachr\n', 0, 'The `complete` steps are: teacher, '],
  ['  - cmplete: teacher\n', 0, 'is not a step family'],
  ['  - complete: teacher\n    temprature: 1\n', 0, '`temprature` is not a setting here'],
  ['  - complete: teacher\n    temperature: 9\n', 0, 'must be from 0 to 2'],
  ['  - complete: teacher\n    n: 1.5\n', 0, 'must be a whole number'],
  ['  - complete: teacher\n    system: [a]\n', 0, 'must be text'],
])('reports an invalid step with its index: %s', (steps, step, part) => {
  const read = checkRecipeText(`retort: 2\nsteps:\n${steps}`)
  const found = read.ok ? undefined : read.problems.find(({ sentence }) => sentence.includes(part))
  expect(
    found,
    read.ok ? 'no problem' : read.problems.map(({ sentence }) => sentence).join(' '),
  ).toBeDefined()
  expect(found?.step).toBe(step)
})

test('reports all problems at once', () => {
  expect(
    sentences(
      'retort: 2\nsteps:\n  - complete: teacher\n    n: 0\n    topP: 7\n  - filter: lenth\n  - keep: top\n',
    ).length,
  ).toBeGreaterThanOrEqual(4)
})

test('finds the line of a problem in the text', () => {
  const text = 'retort: 2\nname: Mine\nsteps:\n  - complete: teacher\n    n: 0\n\n  - filter: lenth\n'
  const read = checkRecipeText(text)
  expect(read.ok ? [] : read.problems.map((problem) => lineOfProblem(text, problem))).toEqual([5, 7])
})

test('has a title, help, labels and valid defaults for every step', () => {
  const names = stepDeclarations.map(({ family, name }) => `${family}/${name}`)
  expect(new Set(names).size).toBe(names.length)
  for (const declaration of stepDeclarations) {
    expect(declaration.title).not.toBe('')
    expect(declaration.help).toMatch(/\.$/)
    for (const [field, setting] of Object.entries(declaration.settings)) {
      expect(field).toMatch(/^[a-z][A-Za-z]*$/)
      expect(setting.help, `${declaration.name}.${field}`).toMatch(/\.$/)
      expect(setting.label).not.toBe('')
    }
    expect(Object.keys(defaultStep(declaration).settings)).toEqual(Object.keys(declaration.settings))
  }
})

test('writes long texts as block literals', () => {
  const read = checkRecipe({
    name: 'R',
    rngSeed: 1,
    steps: [{ family: 'complete', name: 'teacher', settings: { system: 'First line.\nSecond line.' } }],
  })
  expect(read.ok && read.value.text).toContain('    system: |-\n      First line.\n      Second line.\n')
})

describe('lineOfProblem', () => {
  test.each([
    ['# a\n\n- list', [3]],
    ['retort: 2\nsteps: &a []\nname: *a', [3]],
    ['retort: 2\nsteps: []\n---\nname: second', [4]],
    ['name: Recipe #2\nretort: 2\nsteps:\n  - complete: teacher', [1]],
    ['\n\nsteps:\n  - complete: teacher', [3]],
    ['? [complex, key]\n: value\nretort: 2\nsteps:\n  - complete: teacher', [1]],
    ['retort: 2\nsteps:\n  - complete: teacher\n  - filter\n  - [a]\n  - {}\n  -\n', [4, 5, 6, 7]],
    ['', [1]],
  ])('finds a line for every refusal of %j', (text, lines) => {
    const read = parseRecipe(text)
    expect(read.ok ? [] : read.problems.map((problem) => lineOfProblem(text, problem))).toEqual(lines)
  })
})

test('keeps texts with # that are quoted, in a block, or without a space before it', () => {
  const recipe = (system: string) =>
    `retort: 2\nname: C#\nsteps:\n  - complete: teacher # the only one\n    n: 2 # two\n    system: ${system}\n`
  for (const system of ['"Use # for headings"', "'a #b'", '|\n      Use # for headings', 'issue#5'])
    expect(parseRecipe(recipe(system))).toMatchObject({ ok: true })
})

test('ignores an empty document at the end', () => {
  expect(parseRecipe('retort: 2\nsteps:\n  - complete: teacher\n---\n').ok).toBe(true)
  expect(parseRecipe('---\nretort: 2\nsteps:\n  - complete: teacher\n...\n').ok).toBe(true)
})
