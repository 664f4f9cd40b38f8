// Knows: the members of the filter family, cheapest first: the order of the form.
import type { FilterMember } from './filter.ts'
import { ending } from './ending.ts'
import { field } from './field.ts'
import { finalAnswer } from './final-answer.ts'
import { length } from './length.ts'
import { novelty } from './novelty.ts'
import { repetition } from './repetition.ts'

export const filterMembers: readonly FilterMember[] = [
  length,
  ending,
  repetition,
  finalAnswer,
  field,
  novelty,
]

/** The filter of this name. */
export const findFilter = (name: string): FilterMember | undefined =>
  filterMembers.find((member) => member.name === name)
