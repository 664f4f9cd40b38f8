// Knows: what the three that are compared are called, and their colours.
import type { Contender } from '../../domain/comparison.ts'
import type { Student } from '../../domain/student.ts'

const TEXTS: Readonly<Record<Contender, string>> = {
  before: 'Student before',
  after: 'Student after',
  teacher: 'Teacher',
}
/** A student that is adapters was another's model before. */
const ADAPTED: Readonly<Record<Contender, string>> = {
  before: 'Model as it was',
  after: 'With adapters',
  teacher: 'Teacher',
}
export const nameContenders = (
  student: Pick<Student, 'adapts'> | undefined,
): Readonly<Record<Contender, string>> => (student?.adapts ? ADAPTED : TEXTS)
export const CONTENDER_COLOURS: Readonly<Record<Contender, string>> = {
  before: 'var(--before)',
  after: 'var(--after)',
  teacher: 'var(--teacher)',
}
