// Knows: how the one verdict of a row of version 3 becomes the first of a list: since version 4 several judges may have scored it. It has no
// step: which one judged is not in the record, and a recipe of those versions has one judge step.
import type { ProjectStore } from '../schema.ts'
import { isRecord, mapField, type Change } from './changes.ts'

const listVerdict: Change = (value) => {
  if (!isRecord(value) || !Object.hasOwn(value, 'verdict')) return value
  const { verdict, ...rest } = value
  return { ...rest, verdicts: [{ verdict }] }
}

/** From version 3 to 4. */
export const verdictsByStep = (store: ProjectStore, value: unknown): unknown =>
  store === 'rows' ? mapField(listVerdict(value), 'edit', listVerdict) : value
