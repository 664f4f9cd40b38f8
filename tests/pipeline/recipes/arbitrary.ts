// Knows: random valid recipes.
import fc from 'fast-check'
import type { RecipeDraft, StepDeclaration, StepDraft } from '../../../src/domain/recipe.ts'
import type { Setting, SettingValue } from '../../../src/domain/settings.ts'
import { findStep, listSteps } from '../../../src/pipeline/steps.ts'

const words = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    '',
    ' x',
    'a: b',
    '- item',
    '# no',
    'line\nline',
    'line\n  line\n',
    '"',
    "'",
    'null',
    'true',
    '1e3',
    '~',
    '*a',
    '&a x',
    '\t',
    'x\r\ny',
    '\u2028',
    '---',
    '...',
    '%YAML',
  ),
)

function valueOf(setting: Setting): fc.Arbitrary<SettingValue> {
  switch (setting.kind) {
    case 'whole':
      return fc.integer({ min: setting.from, max: setting.to })
    case 'real':
      return fc.double({ min: setting.from, max: setting.to, noNaN: true })
    case 'text':
      return words
    case 'choice':
      return fc.constantFrom(...setting.choices)
    case 'toggle':
      return fc.boolean()
    case 'role':
      return fc.constantFrom('teacher', 'judge', 'embedder', 'second-teacher', 'null', 'true', 'constructor')
    default:
      return setting satisfies never
  }
}

const step = (declaration: StepDeclaration): fc.Arbitrary<StepDraft> =>
  fc
    .record(
      Object.fromEntries(
        Object.entries(declaration.settings).map(([field, setting]) => [field, valueOf(setting)]),
      ),
      { requiredKeys: [] },
    )
    .map((settings) => ({
      family: declaration.family,
      name: declaration.name,
      settings: fitTogether(`${declaration.family}/${declaration.name}`, settings),
    }))

/** Resolves settings that contradict each other. */
function fitTogether(
  path: string,
  settings: Record<string, SettingValue | undefined>,
): Record<string, SettingValue | undefined> {
  if (path === 'filter/length') return { ...settings, min: 0 }
  if (path === 'grow/self-instruct')
    return { ...settings, minWords: 1, humanShots: 3, machineShots: 2, lastItem: 12 }
  if (path === 'filter/field')
    return { ...settings, field: `x${String(settings['field'] ?? '')}`, comparison: 'is present' }
  if (path === 'judge/rubric') return { ...settings, own: `x${String(settings['own'] ?? '')}` }
  return settings
}

const one = (family: string, name: string): fc.Arbitrary<StepDraft> => step(findStep(family, name)!)
const maybe = (arbitrary: fc.Arbitrary<StepDraft>): fc.Arbitrary<StepDraft[]> =>
  fc.option(arbitrary, { nil: undefined }).map((found) => (found ? [found] : []))
const some = (family: string): fc.Arbitrary<StepDraft[]> =>
  fc.array(fc.oneof(...listSteps(family).map(step)), { maxLength: 3 })

/** The member that a step cannot be without. */
function requiredBy({ family, name }: StepDraft): StepDraft[] {
  const requires = findStep(family, name)?.requires
  return requires?.name === undefined ? [] : [{ family: requires.family, name: requires.name, settings: {} }]
}

export const recipeDrafts: fc.Arbitrary<RecipeDraft> = fc
  .record({
    name: words.map((text) => `r${text}`),
    rngSeed: fc.nat(),
    grow: maybe(one('grow', 'self-instruct')),
    complete: one('complete', 'teacher'),
    filters: some('filter'),
    judged: fc.option(fc.tuple(one('judge', 'rubric'), some('keep')), { nil: undefined }),
    frozen: fc.option(fc.tuple(one('freeze', 'split'), maybe(one('train', 'teacher-text'))), {
      nil: undefined,
    }),
  })
  .map(({ name, rngSeed, grow, complete, filters, judged, frozen }) => ({
    name,
    rngSeed,
    steps: [
      ...grow,
      complete,
      ...filters,
      ...(judged ? [judged[0], ...judged[1].flatMap(requiredBy), ...judged[1]] : []),
      ...(frozen ? [frozen[0], ...frozen[1]] : []),
    ],
  }))
