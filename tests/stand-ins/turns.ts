// Knows: models of which only one fits into memory, as a cast in which they take turns.
import { makeCast, type Cast, type LoadPlan } from '../../src/domain/cast.ts'
import type { TeacherDescription } from '../../src/domain/teacher-description.ts'

const MIB = 2 ** 20

/** With a size of its own in memory. */
export const sized = (model: TeacherDescription, mib: number): TeacherDescription => ({
  ...model,
  card: { ...model.card, memoryBytes: { wasm: mib * MIB, webgpu: mib * MIB } },
})

const planOf = (model: TeacherDescription): LoadPlan => ({
  model,
  source: { kind: 'stored', name: model.card.fileName },
})

/** A cast on a machine with 1 GiB, of which models get 60 %; all models that no server runs take turns. */
export function castInTurns(models: Readonly<Record<string, TeacherDescription>>): Cast {
  const { teacher, ...others } = models
  if (teacher === undefined) throw new Error('a cast needs a teacher')
  const local = Object.entries(models).filter(([, { backend }]) => backend !== 'server')
  return makeCast(teacher, Object.entries(others), {
    memory: { memoryGiB: 1 },
    plans: Object.fromEntries(local.map(([role, model]) => [role, planOf(model)])),
  })
}
