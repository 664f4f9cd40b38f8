// Knows: the filter on a named value that a file or a step gave a row or its prompt.
import { FIELD_NAME_LIMIT } from '../../domain/fields.ts'
import { dropped, kept } from '../../domain/filter-decision.ts'
import { choice, text } from '../../domain/settings.ts'
import { firstOf } from '../cut-text.ts'
import { defineFilter } from './filter.ts'

const COMPARISONS = ['equals', 'contains', 'at least', 'at most', 'is present'] as const
type Comparison = (typeof COMPARISONS)[number]

const NEEDS_NUMBER: ReadonlySet<Comparison> = new Set(['at least', 'at most'])

export const field = defineFilter({
  name: 'field',
  title: 'Field',
  help: 'Keeps or drops rows by a named value, such as one that a tag step or your file gave them.',
  settings: {
    field: text({
      label: 'Field',
      help: 'Name of the field to look at.',
      default: 'tag',
      limit: FIELD_NAME_LIMIT,
    }),
    comparison: choice({
      label: 'Comparison',
      help: 'How the field is compared with the value. Texts are compared without regard to case.',
      choices: COMPARISONS,
      default: 'is present',
    }),
    value: text({
      label: 'Value',
      help: 'A text, or a number for “at least” and “at most”.',
      usedIf: { setting: 'comparison', is: ['equals', 'contains', 'at least', 'at most'] },
      default: '',
      limit: 1000,
    }),
    matching: choice({
      label: 'Matching rows',
      help: 'What to do with rows whose field matches; the other rows are treated the other way.',
      choices: ['keep', 'drop'],
      default: 'keep',
    }),
    missing: choice({
      label: 'Without the field',
      help: 'What to do with rows that do not have it, or have no number where one is needed.',
      usedIf: { setting: 'comparison', is: ['equals', 'contains', 'at least', 'at most'] },
      choices: ['drop', 'keep'],
      default: 'drop',
    }),
  },
  check({ field: name, comparison, value }) {
    if (name.trim() === '')
      return [{ field: 'field', sentence: '`field` is empty. Name the field to look at.' }]
    if (NEEDS_NUMBER.has(comparison) && toNumber(value) === undefined)
      return [
        {
          field: 'value',
          sentence: `“${comparison}” compares numbers, and \`value\` is ${value.trim() === '' ? 'empty' : 'no number'}.`,
        },
      ]
    if (comparison === 'contains' && value.trim() === '')
      return [{ field: 'value', sentence: '“contains” needs a `value`: every text contains an empty one.' }]
    return []
  },
  decide({ fields = {}, settings: { field: written, comparison, value, matching, missing } }) {
    const name = written.trim()
    const found = Object.hasOwn(fields, name) ? fields[name] : undefined
    const evidence =
      found === undefined ? {} : { [name]: typeof found === 'number' ? found : firstOf(found, 200) }
    if (comparison !== 'is present') {
      const lack =
        found === undefined
          ? `no field “${name}”`
          : NEEDS_NUMBER.has(comparison) && toNumber(found) === undefined
            ? `the field “${name}” is no number`
            : undefined
      if (lack !== undefined) return missing === 'keep' ? kept(evidence) : dropped(lack, evidence)
    }
    const matches = found === undefined ? false : isMatch(found, comparison, value)
    if (matches === (matching === 'keep')) return kept(evidence)
    const shown = comparison === 'is present' ? comparison : `${comparison} “${value.trim()}”`
    return dropped(
      matches ? `the field “${name}” ${shown}` : `the field “${name}” does not match “${shown}”`,
      evidence,
    )
  },
})

function isMatch(found: string | number, comparison: Comparison, value: string): boolean {
  const [own, wanted] = [normalise(String(found)), normalise(value)]
  switch (comparison) {
    case 'is present':
      return true
    case 'equals': {
      const [number, other] = [toNumber(found), toNumber(value)]
      return own === wanted || (number !== undefined && number === other)
    }
    case 'contains':
      return own.includes(wanted)
    case 'at least':
      return (toNumber(found) ?? Number.NaN) >= (toNumber(value) ?? Number.NaN)
    case 'at most':
      return (toNumber(found) ?? Number.NaN) <= (toNumber(value) ?? Number.NaN)
    default:
      return comparison satisfies never
  }
}

const normalise = (value: string): string => value.trim().toLowerCase()

/** A finite number, or a text that is one in decimal notation. */
function toNumber(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  const written = value.trim().replace('−', '-')
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(written) ? Number(written) : undefined
}
