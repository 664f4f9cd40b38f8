// Knows: the names and colours of the three contenders.
import type { Contender } from '../../domain/comparison.ts'
import type { Student } from '../../domain/student.ts'

const TEXTS: Readonly<Record<Contender, string>> = {
  before: 'Student before',
  after: 'Student after',
  teacher: 'Teacher',
}
/** For adapters, the contender before training is the base model. */
const ADAPTED: Readonly<Record<Contender, string>> = {
  before: 'Base model',
  after: 'With adapters',
  teacher: 'Teacher',
}
export const nameContenders = (
  student: Pick<Student, 'baseModel'> | undefined,
): Readonly<Record<Contender, string>> => (student?.baseModel ? ADAPTED : TEXTS)
export const CONTENDER_COLOURS: Readonly<Record<Contender, string>> = {
  before: 'var(--before)',
  after: 'var(--after)',
  teacher: 'var(--teacher)',
}
