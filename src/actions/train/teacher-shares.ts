// Knows: the teachers whose soft targets a student learns from: the chosen ones, or the loaded one, which computes its own.
// Must not know: how a step of training works.
import type { ModelCard } from '../../domain/model-card.ts'
import type { Student, StudentPreset } from '../../domain/student.ts'
import type { TeacherShare } from '../../domain/soft-targets.ts'
import { refuseWidths } from '../../pipeline/training/hidden-widths.ts'
import type { TeacherNeed } from '../../pipeline/training/losses/loss.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { TrainRequest } from '../../protocol/student.ts'
import type { Machines } from '../machines.ts'

type TeacherMachines = Pick<Machines, 'teacher'>

/** What a student of some size needs of its teachers. */
type ShareNeed = Extract<TeacherNeed, { kind: 'before' }> & { readonly preset: StudentPreset }

/**
 * The teachers of a new student: those chosen with a weight above 0, or the loaded one if none were offered. Throws `NotLoaded` if
 * there is none, or if one without stored soft targets is not the loaded one; `ModelRefused` if the student is to learn from its
 * hidden states and their width differs.
 */
export async function openShares(
  { teacher }: TeacherMachines,
  need: ShareNeed,
  chosen?: readonly TeacherShare[],
): Promise<readonly TeacherShare[]> {
  const card = (await teacher.describe(null))?.card
  const shares = chosen?.filter(({ weight }) => weight > 0) ?? (card ? [shareOf(card)] : [])
  if (shares.length === 0)
    throw new RetortError(
      'NotLoaded',
      `This student learns from the teacher’s probabilities, but ${card ? 'no teacher has a weight above 0. Set the weight of one below' : 'no teacher is loaded. Load one on the Teacher screen'}, or train on the texts only.`,
    )
  for (const share of shares) {
    if (share.softTargets !== undefined) continue // the worker checks the file
    const loaded = requireLoaded(share, card)
    const refusal = need.hidden ? refuseWidths(need.preset, loaded) : undefined
    if (refusal !== undefined) throw new RetortError('ModelRefused', refusal)
  }
  return shares
}

/** The share of a single teacher. */
export const shareOf = ({ name, fingerprint }: Pick<ModelCard, 'name' | 'fingerprint'>): TeacherShare => ({
  name,
  fingerprint,
  weight: 1,
})

function requireLoaded({ name, fingerprint }: TeacherShare, card: ModelCard | undefined): ModelCard {
  if (card?.fingerprint === fingerprint) return card
  throw new RetortError(
    'NotLoaded',
    `This student learns from the probabilities of ${name}, which are not all computed yet, but ${card ? `${card.name} is loaded` : 'no teacher is loaded'}. Load ${name} on the Teacher screen, then resume.`,
  )
}

/** A student's teachers with their soft targets; `softTargets` is the file if there is only one. */
export type ComputedShares = Pick<Student, 'softTargets' | 'teachers'>

/** Computes the soft targets that are not stored, with the loaded teacher; `onProgress` gets rows done and to do, first 0 of 0. Throws `NotLoaded` if another one or none is loaded. */
export async function computeShareSoftTargets(
  { teacher }: TeacherMachines,
  { projectId, datasetId, teachers }: Student,
  need: ShareNeed,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (done: number, total: number) => void },
): Promise<ComputedShares> {
  const { topK, temperature, hidden } = need
  const computed: TeacherShare[] = []
  // A student of an earlier version that was interrupted here has no teachers.
  for (const share of teachers ?? (await openShares({ teacher }, need))) {
    if (share.softTargets !== undefined) {
      computed.push(share)
      continue
    }
    requireLoaded(share, (await teacher.describe(null))?.card)
    onProgress(0, 0)
    const { softTargets } = await teacher.computeSoftTargets(
      { projectId, datasetId, topK, temperature, ...(hidden ? { hidden } : {}) },
      { signal, onEvent: ({ done, total }) => onProgress(done, total) },
    )
    computed.push({ ...share, softTargets })
  }
  const [only, ...others] = computed
  return {
    teachers: computed,
    ...(only?.softTargets !== undefined && others.length === 0 ? { softTargets: only.softTargets } : {}),
  }
}

/** The fields of a train request for the shares: the only file, or several with their weights. */
export function shareFields({
  softTargets,
  teachers = [],
}: ComputedShares): Pick<TrainRequest, 'softTargets' | 'teachers'> {
  if (softTargets !== undefined || teachers.length < 2)
    return softTargets === undefined ? {} : { softTargets }
  return {
    teachers: teachers.flatMap(({ softTargets: file, weight }) =>
      file === undefined ? [] : [{ softTargets: file, weight }],
    ),
  }
}
