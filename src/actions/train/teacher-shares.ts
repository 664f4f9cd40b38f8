// Knows: the teachers whose probabilities a student learns from: those that were chosen, or the loaded one; and asking the loaded one.
// Must not know: how a step of training works.
import type { ModelCard } from '../../domain/model.ts'
import { learnsFromHidden, type DivergenceTrainSettings, type Student } from '../../domain/student.ts'
import type { TeacherShare } from '../../domain/trace.ts'
import { refuseWidths } from '../../pipeline/training/hidden-widths.ts'
import { RetortError } from '../../protocol/errors.ts'
import type { Machines } from '../machines.ts'

type Asking = Pick<Machines, 'teacher'>

/**
 * The teachers of a new student: those chosen with a weight above 0, or the loaded one alone where none were offered. Throws `NotLoaded`
 * where there is none, and where one that has still to be asked is not the loaded one; `ModelRefused` where its hidden states are to be
 * learned from and are of another width.
 */
export async function openShares(
  { teacher }: Asking,
  settings: DivergenceTrainSettings,
  chosen?: readonly TeacherShare[],
): Promise<readonly TeacherShare[]> {
  const card = (await teacher.describe(null))?.card
  const shares = chosen?.filter(({ weight }) => weight > 0) ?? (card ? [shareOf(card)] : [])
  if (shares.length === 0)
    throw new RetortError(
      'NotLoaded',
      `This student learns from the teacher’s probabilities, and ${card ? 'no teacher has a weight above 0. Give one a weight below' : 'no teacher is loaded. Load one on the Teacher screen'}, or train on the texts alone.`,
    )
  for (const share of shares) {
    if (share.trace !== undefined) continue // the worker finds in the file what it is
    const loaded = needLoaded(share, card)
    const unequal = learnsFromHidden(settings) ? refuseWidths(settings.preset, loaded) : undefined
    if (unequal !== undefined) throw new RetortError('ModelRefused', unequal)
  }
  return shares
}

/** A model alone. */
export const shareOf = ({ name, fingerprint }: Pick<ModelCard, 'name' | 'fingerprint'>): TeacherShare => ({
  name,
  fingerprint,
  weight: 1,
})

function needLoaded({ name, fingerprint }: TeacherShare, card: ModelCard | undefined): ModelCard {
  if (card?.fingerprint === fingerprint) return card
  throw new RetortError(
    'NotLoaded',
    `This student learns from the probabilities of ${name}, which has not been asked for all of them yet, and ${card ? `${card.name} is loaded` : 'no teacher is loaded'}. Load ${name} on the Teacher screen, then go on.`,
  )
}

/** Where a student's teachers have been asked, and the file of the only one as `trace`. */
export type AskedShares = Pick<Student, 'trace' | 'teachers'>

/** Asks the loaded teacher for what is not stored; `onAsked` is told rows done and to do, first 0 of 0. Throws `NotLoaded` where another one or none is loaded. */
export async function askShares(
  { teacher }: Asking,
  { projectId, datasetId, teachers }: Student,
  settings: DivergenceTrainSettings,
  { signal, onAsked }: { signal: AbortSignal; onAsked: (done: number, total: number) => void },
): Promise<AskedShares> {
  const { choices, temperature } = settings
  const asked: TeacherShare[] = []
  // A student of before that was cut off here names none.
  for (const share of teachers ?? (await openShares({ teacher }, settings))) {
    if (share.trace !== undefined) {
      asked.push(share)
      continue
    }
    needLoaded(share, (await teacher.describe(null))?.card)
    onAsked(0, 0)
    const { trace } = await teacher.trace(
      { projectId, datasetId, choices, temperature, ...(learnsFromHidden(settings) ? { hidden: true } : {}) },
      { signal, onEvent: ({ done, total }) => onAsked(done, total) },
    )
    asked.push({ ...share, trace })
  }
  const [only, ...others] = asked
  return {
    teachers: asked,
    ...(only?.trace !== undefined && others.length === 0 ? { trace: only.trace } : {}),
  }
}

/** What the worker is told of them: one file as ever, or several with their weights. */
export function tellShares({ trace, teachers = [] }: AskedShares): {
  readonly trace?: string
  readonly teachers?: readonly { readonly trace: string; readonly weight: number }[]
} {
  if (trace !== undefined || teachers.length < 2) return trace === undefined ? {} : { trace }
  return {
    teachers: teachers.flatMap(({ trace: file, weight }) =>
      file === undefined ? [] : [{ trace: file, weight }],
    ),
  }
}
